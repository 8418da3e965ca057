"""What do random crop and flip do, written out one image at a time?"""

import torch


def crop_and_flip(images, dy, dx, flip, pad, size=None):
    """Paste each image into a canvas of zeros, cut H x W (or a square) out at (dy, dx), mirror it where asked."""
    height, width = images.shape[2:]
    cut_height, cut_width = (height, width) if size is None else (size, size)
    results = []
    for image, top, left, mirror in zip(images, dy.tolist(), dx.tolist(), flip.tolist(), strict=True):
        canvas = torch.zeros(image.shape[0], height + 2 * pad, width + 2 * pad, dtype=image.dtype)
        canvas[:, pad : pad + height, pad : pad + width] = image
        cut = canvas[:, top : top + cut_height, left : left + cut_width]
        if mirror:
            cut = torch.stack([cut[:, :, column] for column in reversed(range(cut_width))], dim=2)
        results.append(cut)
    return torch.stack(results)
