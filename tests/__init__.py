"""How do tests that run side by side share few cores, in their own process and in those that they start?"""

import gc
import os

# Before NumPy and PyTorch make their threads, which would wait for each other at full speed.
os.environ.setdefault("OMP_NUM_THREADS", "1")
gc.set_threshold(20_000, 20, 20)  # half a million imported objects are gone over seldom, as on the command line
