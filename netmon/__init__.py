"""netmon: network-operations monitor for Viet Nam's two-level local government."""

from importlib.metadata import version

__version__ = version("netmon")
