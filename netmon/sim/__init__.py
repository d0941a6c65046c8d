"""A simulated province: real SNMP agents on loopback addresses, base stations that report over MQTT, and five troubles.

`traffic`, `power` and `timetable` are its physics, pure functions of time. `province` makes devices and interfaces of an
inventory, `mib` lays them out as objects, `agents` answers for them over UDP; `stations` knows what a base station has to
tell and `reports` tells it to a broker. `sink` stands in for InfluxDB. `seed` writes the past that would have been measured.
`demo` runs it all beside a daemon and a `broker`: `prepare` writes their configuration, `programs` starts them, `tied` sees
to it that none outlives it.
"""
