"""What does ``python -m earlylearn`` do?"""

from earlylearn.cli import main

main()
