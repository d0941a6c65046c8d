"""Derive: counters to differences, differences to slots, polls to states. Pure: time comes in as an argument.

counters.py   two readings of a counter: a difference, or a gap with a reason (SEMANTICS 3)
slots.py      differences shared over slots of five minutes, exactly (SEMANTICS 4)
states.py     the state of a device, from its polls (SEMANTICS 1)
services.py   the state of a link from its witnesses, of a site from its links (SEMANTICS 2)
"""
