"""``python -m scripts.local``: the background process of the embedded AWS."""

from scripts.local.supervisor import main

main()
