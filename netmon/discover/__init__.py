"""Finds the devices of a network and proposes how they could stand in the inventory.

    addresses   which addresses are meant, from CIDRs, ranges and files
    scan        asks each of them politely, with one credential after the other
    identify    who answered: one poll, read into a Found
    found       the devices that were found; several addresses of one become one; the record that a scan is resumed from
    places      at which site a device stands, if that can be told
    topology    who hears whom, who is nearer the core
    proposal    new sites, devices and links, and remarks on what is known: pure
    text        a proposal as YAML, for people to review
    merge       the same as a difference to the files that are there
    trial       whether netmon would take it

Nothing here changes a file of the inventory: what comes out is a new file or a patch.
"""
