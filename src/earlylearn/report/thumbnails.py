"""How does a small picture travel inside the page?"""

import base64
import io

import numpy as np
from numpy.typing import NDArray

LARGEST_SIDE = 160  # pixels
QUALITY = 80  # of JPEG


def thumbnail(image: NDArray[np.uint8], largest_side: int = LARGEST_SIDE) -> str:
    """The picture as a ``data:`` address, shrunk if it is large and never enlarged.

    Small pictures keep their own pixels (PNG), and the page enlarges them without blurring; large ones become JPEG.

    Args:
        image: ``uint8 [C, H, W]``. One channel is gray and three are colours; of any other number
            (satellite bands, say) the mean is shown, as gray.
        largest_side: longest side of the result in pixels.
    """
    from PIL import Image

    array = np.asarray(image)
    if array.ndim != 3 or array.dtype != np.uint8:
        raise ValueError(f"a thumbnail needs uint8 [C, H, W], got {array.dtype} {list(array.shape)}")
    if array.shape[0] == 3:
        picture = Image.fromarray(np.ascontiguousarray(array.transpose(1, 2, 0)))
    else:
        plane = array[0] if array.shape[0] == 1 else array.mean(axis=0).round().astype(np.uint8)
        picture = Image.fromarray(np.ascontiguousarray(plane))
    buffer, kind = io.BytesIO(), "png"
    if max(picture.size) > largest_side:
        picture.thumbnail((largest_side, largest_side), Image.Resampling.LANCZOS)
        picture.save(buffer, format="JPEG", quality=QUALITY)
        kind = "jpeg"
    else:
        picture.save(buffer, format="PNG")
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
