"""How does plain training on the given labels go, one formula each?"""

import torch.nn.functional as F
from torch import Tensor

from earlylearn.method import Batch, Method


class CrossEntropy(Method):
    """Cross-entropy on the given labels: the baseline, which memorises wrong labels."""

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of the batch."""
        logits = self.nets[0](batch.views[0])
        self.observe(batch.index, logits)
        loss = F.cross_entropy(logits.float(), batch.label)
        self.parts = {"ce": loss.detach()}
        return loss
