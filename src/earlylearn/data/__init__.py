"""Data: labelled sets, their sources, label noise, splits, augmentation and batches."""
