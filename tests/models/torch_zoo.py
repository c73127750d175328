"""Small torch modules of every kind that a person may bring, channels first as torch has them."""

import torch
from torch import nn
from torch.nn import functional

SIZE = 16
torch.set_num_threads(1)  # threads cost more than they gain on arrays this small


def settle(module, seed=0):
    """Weights and batch-norm statistics that leave every unit at work, ready for inference."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif tensor.is_floating_point() and tensor.ndim > 1:
                fan_in = tensor[0].numel()
                tensor.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
            elif name.endswith(("bias", "running_mean")):
                tensor.normal_(0, 0.1, generator=generator)
    return module.eval()


class Plain(nn.Module):
    """Convolutions and a function as the softmax."""

    def __init__(self, channels=3, classes=3, end=lambda x: functional.softmax(x, dim=-1)):
        super().__init__()
        self.conv = nn.Conv2d(channels, 6, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.norm = nn.BatchNorm2d(6)
        self.act = nn.GELU()
        self.fc = nn.Linear(6, classes)
        self.end = end

    def forward(self, x):
        x = self.act(self.norm(self.relu(self.conv(x))))
        return self.end(self.fc(x.mean((2, 3))))


class Sides(nn.Module):
    """Convolutions of 1, 2 or 3 sides: of signals, images, volumes."""

    def __init__(self, rank, channels=2, classes=3):
        super().__init__()
        convolution, norm = getattr(nn, f"Conv{rank}d"), getattr(nn, f"BatchNorm{rank}d")
        self.conv1 = convolution(channels, 5, 3, padding=1)
        self.norm = norm(5)
        self.relu = nn.ReLU()
        self.conv2 = convolution(5, 6, 3)
        self.act = nn.GELU()
        self.fc = nn.Linear(6, classes)

    def forward(self, x):
        x = self.act(self.conv2(self.relu(self.norm(self.conv1(x)))))
        return self.fc(torch.tanh(x).flatten(2).mean(-1))


class BasicBlock(nn.Module):
    """As in torchvision: one in-place ReLU for both places, and a sum in place."""

    def __init__(self, before, after, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 12, 2))
        self.layer2 = nn.Sequential(BasicBlock(12, 16, 2), BasicBlock(16, 16))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, classes)

    def forward(self, x):
        x = self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x)))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Frozen(nn.Module):
    """A backbone that runs in a context of its own, as no_grad(), and a head that is trained."""

    def __init__(self, context=torch.no_grad):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.SiLU(), nn.Conv2d(6, 8, 3, 1, 1)
        ).requires_grad_(False)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 64, 3), nn.Softmax(dim=1))
        self.context = context

    def forward(self, x):
        with self.context():
            features = self.backbone(x)
        return self.head(features)


class FrozenTwice(nn.Module):
    """Two frozen parts, each in a context of its own; a convolution read by more than its norm."""

    def __init__(self, context=torch.no_grad):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 1, 1)
        self.conv, self.norm = nn.Conv2d(6, 6, 3, 1, 1), nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 3)
        self.context = context

    def forward(self, x):
        with self.context():
            x = self.stem(x)
        with self.context():
            y = self.conv(x)
            y = torch.tanh(self.norm(y)) * y
        return self.fc(y.mean((2, 3)))


class Timm(nn.Module):
    """As in timm: says its input size, features and head apart, its own pooling module."""

    def __init__(self):
        super().__init__()
        self.default_cfg = {"input_size": (3, 24, 16), "mean": (0.5,) * 3}
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.SiLU())
        self.blocks = nn.Sequential(nn.Conv2d(6, 8, 3, 1, 1), nn.SiLU())
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.head_drop = nn.Dropout(0.5)
        self.classifier = nn.Linear(8, 3)

    def forward(self, x):
        x = self.global_pool(self.blocks(self.stem(x))).flatten(1)
        return self.classifier(self.head_drop(x))


class Several(nn.Module):
    """Two heads, each with a softmax of its own, in a dict or a tuple."""

    def __init__(self, as_dict=True):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.species, self.colour = nn.Linear(6, 3), nn.Linear(6, 4)
        self.as_dict = as_dict

    def forward(self, x):
        x = torch.tanh(self.conv(x)).mean((2, 3))
        outputs = {"species": self.species(x).softmax(1), "colour": self.colour(x).softmax(1)}
        return outputs if self.as_dict else tuple(outputs.values())


class Swish(torch.autograd.Function):
    """A function with a gradient of its own."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return gradient * (s * (1 + x * (1 - s)))


class OwnGradient(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 8, 3)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        x = Swish.apply(self.conv2(Swish.apply(self.conv1(x))))
        return self.fc(x.mean((2, 3)))


class Encoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm1 = nn.LayerNorm(size)
        self.attn = nn.MultiheadAttention(size, 2, batch_first=True)
        self.norm2 = nn.LayerNorm(size)
        self.mlp = nn.Sequential(nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size))

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """A vision transformer with a class token, which alone is read, and registers."""

    def __init__(self, side=(16, 24), patch=4, size=8, registers=0):
        super().__init__()
        self.image_size = side
        self.patches = nn.Conv2d(3, size, patch, patch)
        self.tokens = nn.Parameter(torch.zeros(1, 1 + registers, size))
        places = side[0] // patch * (side[1] // patch) + 1 + registers
        self.places = nn.Parameter(torch.zeros(1, places, size))
        self.blocks = nn.Sequential(Encoder(size), Encoder(size))
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.tokens.expand(len(x), -1, -1), x], 1) + self.places
        return self.head(self.norm(self.blocks(x))[:, 0])


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.twice = nn.Conv2d(3, 3, 3, padding=1)
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(self.twice(self.twice(x)).mean((2, 3)))
