"""How is any method trained: rows to batches, batches to losses, losses to weights?"""
