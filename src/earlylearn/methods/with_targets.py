"""What do ELR and its relatives keep of each row: its target, a running average of what the model says?"""

import torch
from torch import Tensor, nn

from earlylearn.losses.targets import average_logits, check_beta, target_beliefs


class KeepsTargets(nn.Module):
    """Temporal ensembling of training and held-out rows: a base beside `Method` that brings no constructor.

    Attributes:
        beta: temporal ensembling momentum, 0 <= beta < 1.
        targets: ``float32 [n, C]``, or such a table per network, ``[networks, n, C]``.
    """

    beta: float
    targets: Tensor

    def keep_targets(self, *shape: int, beta: float) -> None:
        """Begin with targets of 0 in that shape; to be called once, by the constructor of the method."""
        self.beta = check_beta(beta)
        self.register_buffer("targets", torch.zeros(shape, dtype=torch.float32))

    def observe_held_out(self, index: Tensor, logits: Tensor) -> None:
        """Average the predictions of held-out rows over the epochs, as the training rows' are."""
        average_logits(self.targets, index, logits, beta=self.beta)

    def label_beliefs(self, rows: Tensor | None = None) -> Tensor:
        """The targets as probabilities ``[n, C]``, or of some rows."""
        return target_beliefs(self.targets if rows is None else self.targets.index_select(-2, rows))
