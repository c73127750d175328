"""How often a training can be measured within a share of its time.

affordable = (share * planned - spent) / cost        measurements that are left
due once   trained - last >= (planned - last) / affordable
"""

import math
from dataclasses import dataclass


@dataclass
class Pace:
    """Spreads measurements over a training; all numbers are seconds, but for the share.

    The first time is always due.

    Example:
        >>> pace = Pace(share=0.05, spent=0.5)
        >>> pace.measured(10.0, seconds=0.5)  # 1 s of the 5 s that 100 s allow: 8 more
        >>> pace.due(20.0, planned=100.0), pace.due(22.0, planned=100.0)
        (False, True)
    """

    share: float | None  # of the training's time; None: as much as it takes
    spent: float = 0.0  # in all
    cost: float = math.inf  # of a measurement: the least so far, since a busy machine only adds
    last: float | None = None  # how long the training had taken at the last measurement

    def due(self, trained: float, planned: float) -> bool:
        """Whether to measure, after `trained` seconds of a training that is to take `planned`."""
        if self.share is None or self.last is None:
            return True
        affordable = (self.share * planned - self.spent) / max(self.cost, 1e-9)
        return affordable >= 1 and (trained - self.last) * affordable >= planned - self.last

    def measured(self, trained: float, seconds: float) -> None:
        """Note a measurement."""
        self.spent += seconds
        self.cost, self.last = min(self.cost, seconds), trained

    def of(self, trained: float) -> float:
        """The share of `trained` seconds of training that has been spent."""
        return self.spent / max(trained, 1e-9)
