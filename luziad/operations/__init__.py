"""What an operator asks of the whole daemon: reload, information, installed programs and their versions, import."""
