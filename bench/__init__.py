"""What netmon costs, measured in CPU seconds, beside other engines and monitors in the same run: `scripts/bench`."""
