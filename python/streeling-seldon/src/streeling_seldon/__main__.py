"""`python -m streeling_seldon`: for environments where another package has taken the name."""

from streeling_seldon import main

main()
