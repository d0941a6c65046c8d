"""A simulated province: real SNMP agents on loopback addresses, with living traffic and three troubles.

`traffic` and `timetable` are its physics, pure functions of time; `province` makes devices and interfaces of an inventory;
`mib` lays them out as objects; `agents` answers for them over UDP; `seed` writes the past that they would have measured;
`demo` runs it all beside a daemon: `programs` starts both, `tied` sees to it that neither outlives it.
"""
