"""Events: declared storms and maintenance, and the days of the calendar: what they mean at an instant. Pure.

An event changes cadence, grouping, receivers and what is watched first. It never mutes a page for good, never deletes a
fact, and always expires.
"""
