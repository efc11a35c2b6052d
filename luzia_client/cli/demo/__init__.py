"""What `luzia demo` works on and measures."""
