step() { wc -l "$1"; }
each counted *.md python/poly_*
git ls-files -z | xargs -0 cat | wc -l
