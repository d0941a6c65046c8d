"""What is judged: definitions of targets, their rules, verdicts with evidence, and the roll-up from links and sites to
communes and provinces (SEMANTICS 5 to 7). Pure: time and measurements come in as arguments."""
