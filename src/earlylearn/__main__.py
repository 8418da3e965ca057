"""What does ``python -m earlylearn`` do?"""

from earlylearn.cli.main import main

main()
