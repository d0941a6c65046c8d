"""Where facts leave netmon: pages and batches for other programs to take. Exporters are handed data and return at once."""
