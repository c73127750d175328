"""A detector as torchvision's are: a list with a dict for each image, of as many boxes as found."""

import torch


class Detector(torch.nn.Module):
    """A box where a channel is bright: images differ in how many they have, and may have none."""

    def __init__(self, least=0.05):
        super().__init__()
        torch.manual_seed(0)
        self.least = least
        self.body = torch.nn.Conv2d(3, 6, 3, padding=1)

    def forward(self, images):
        bright = torch.relu(self.body(images)).mean((2, 3))
        return [self.found(row) for row in bright]

    def found(self, row):
        labels = torch.nonzero(row > self.least)[:, 0]
        return {"boxes": row.new_zeros(len(labels), 4), "scores": row[labels], "labels": labels}
