"""Fine-tuning a timm model with timm's own augmentation, as a recipe of a study.

The network, its preprocessing and its random changes (crops, flips, RandAugment, erasing) are those
of timm; campare gives the images and a seed, and takes the model. Weights: `checkpoint` in the
options is a file; without it the network starts at random. The models take pixels normalized as
ImageNet's, which `pixels` says. Needs timm and torchvision. As YAML for the command line:

    - {name: tuned, train: train_timm:fit, build: train_timm:build, load: train_timm:load,
       pixels: imagenet, options: {model: resnet18, checkpoint: resnet18.safetensors}}
"""

import tempfile
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_model_data_config

import campare
from campare.training.recipe import Recipe

MODEL = "test_resnet"  # a name of timm's: options={"model": "resnet18"}


def build(n_classes, seed, recipe):
    """The network as timm makes it, with weights of a file if the recipe names one."""
    torch.manual_seed(seed)
    name, checkpoint = recipe.options.get("model", MODEL), recipe.options.get("checkpoint", "")
    model = timm.create_model(name, checkpoint_path=checkpoint) if checkpoint else None
    if model is None:
        return timm.create_model(name, num_classes=n_classes).eval()
    model.reset_classifier(n_classes)
    return model.eval()


def fit(images, seed, recipe, progress):
    """Train all of it with AdamW on views that timm draws anew in each epoch."""
    model = build(len(images.class_names), seed, recipe).train()
    config = resolve_model_data_config(model) | {"input_size": (3, *images.images.shape[1:3])}
    change = create_transform(
        **config, is_training=True, auto_augment="rand-m6-n2", scale=(0.6, 1.0), re_prob=0.1
    )
    pictures = [Image.fromarray(image) for image in images.images]
    y = torch.from_numpy(images.labels)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.learning_rate)
    shuffled = np.random.default_rng(seed)
    for epoch in range(1, recipe.epochs + 1):
        losses = []
        for rows in np.array_split(shuffled.permutation(len(y)), max(len(y) // 32, 1)):
            batch = torch.stack([change(pictures[row]) for row in rows])
            loss = torch.nn.functional.cross_entropy(model(batch), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        progress(epoch, recipe.epochs, model=model, loss=np.mean(losses))
    return model.eval()


def load(path, recipe):
    """A trained network from its file, which holds weights alone."""
    weights = torch.load(path, weights_only=True)
    classes = len(list(weights.values())[-1])
    model = timm.create_model(recipe.options.get("model", MODEL), num_classes=classes)
    model.load_state_dict(weights)
    return model.eval()


def main() -> None:
    """Study one arm on a few drawn images, and print how it did."""
    drawn = campare.ImageSet.drawn(train=24, test=12, size=64)
    recipe = Recipe("tuned", train=fit, build=build, load=load, pixels="imagenet", epochs=1)
    run = campare.study(
        drawn, recipes=[recipe], seeds=2, metrics=["energy", "correct"], out=folder()
    )
    print(
        campare.compare(run).summary.filter(metric="energy", method="grad-cam")["seeds"][0], "seeds"
    )


def folder() -> Path:
    """A folder for the run."""
    return Path(tempfile.mkdtemp()) / "run"


if __name__ == "__main__":
    main()
