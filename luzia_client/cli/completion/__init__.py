"""What TAB offers in bash, zsh and fish, from the table in data/commands.json."""
