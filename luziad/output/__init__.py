"""The output files of attempts: reading pieces of them, and hearing when they grow. Its functions block."""
