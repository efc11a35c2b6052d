"""The output files of attempts: reading chunks of them, and watching them grow.

It reads only, and knows nothing about jobs. The functions of `files` block: call them on a thread.
"""
