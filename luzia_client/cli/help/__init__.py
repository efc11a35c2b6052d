"""Help texts, help topics, and the reference from which the manual and the completions are made."""
