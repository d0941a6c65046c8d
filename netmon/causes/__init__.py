"""Causes: who is down because of whom, what fell together and why, and whether it is netmon that is cut off. Pure.

A device that falls silent is `down` only when a live path leads up to it; else it is `unreachable`, with the upstream that
explains it (paths). When much falls at once netmon suspects itself first, and asks its canaries (guard). What is down is
gathered into incidents: everything that one reason explains is one of them, and pages once.

`graph.Graph` is one reading of a picture, which the others share: why something fell (findings), what fell together
(incidents), whom it hits (impact), what need not page by itself (explained). Beside them stand the penalty of what falls
again and again (flapping), and all of it in words (words).
"""
