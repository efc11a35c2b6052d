"""Full screens and prompts, with prompt_toolkit; nothing outside of this package loads it."""
