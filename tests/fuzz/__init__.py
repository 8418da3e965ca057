"""What becomes of thousands of odd inputs, of kills and of full disks?

``make fuzz``; not part of ``make test``.
"""
