step() { (cd python && PYTHONDONTWRITEBYTECODE=1 "$PYTHON" -m unittest -q "$(basename "$1" .py)"); }
each tested python/test_*.py
