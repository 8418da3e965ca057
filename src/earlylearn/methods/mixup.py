"""How does mixup train on convex combinations of examples and their labels?"""

from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field

from earlylearn.loop.batches import Batch, Numbers
from earlylearn.loop.method import Method, Step


class Mixup(Method):
    """mixup: cross-entropy on share x_i + (1 - share) x_j, with the labels mixed alike.

    Zhang, Cisse, Dauphin, Lopez-Paz, ICLR 2018. As in the released code one share and one permutation per batch.

    Args:
        alpha: share is drawn from Beta(alpha, alpha); 0 means no mixing.

    Differs from the released code: the network also looks at the batch's own inputs, in evaluation mode and without
    gradient, which makes a step about a third dearer and changes nothing else. What it says of a mixture is no
    answer to what it says of an example, by which the curves compare methods (docs/LOG.md).
    """

    replayable = True
    one_process = ""
    whole_batches = True
    paper = "Zhang, Cisse, Dauphin, Lopez-Paz, ICLR 2018"

    def __init__(
        self,
        *given: Any,
        alpha: Annotated[float, Field(ge=0, description="mixup Beta parameter; 0 switches mixup off")] = 1.0,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.alpha = alpha

    def numbers(self, examples: int, trained: tuple[int, ...]) -> Numbers:
        """The share of an example's own, and who its partner is."""
        share = self.generator.beta(self.alpha, self.alpha) if self.alpha else 1.0
        return share, torch.from_numpy(self.generator.permutation(examples))

    def loss(self, batch: Batch) -> Step:
        """Cross-entropy of the mixed inputs, the two labels weighted as the inputs are."""
        x, net, mine = batch.views[0], self.nets[0], batch.part
        with torch.no_grad():
            net.eval()
            clean = net(x[mine])
            net.train()
        share, partner = batch.numbers
        x, partner = x.float(), partner[mine]
        logits = net(share * x[mine] + (1 - share) * x[partner]).float()
        loss = share * F.cross_entropy(logits, batch.label[mine]) + (1 - share) * F.cross_entropy(
            logits, batch.label[partner]
        )
        return Step(loss, clean, {"ce": loss.detach()})
