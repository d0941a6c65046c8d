"""What a verdict rests on, as files, so that somebody with only Python can recompute it (docs/recompute.md)."""

from netmon.evidence.folder import FolderError, write
from netmon.evidence.tables import Sources
from netmon.evidence.tree import Node, gather

__all__ = ["FolderError", "Node", "Sources", "gather", "write"]
