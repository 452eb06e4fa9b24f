#!/usr/bin/env python3
"""Lets trained policies play simple_spread of mpe2: scripts/play_mpe2.py runs/spread --episodes 500

Needs numpy and mpe2 (`pip install numpy==2.4.6 mpe2==1.1.1`), and nothing of agon: a policy is a folder with `policy.safetensors` and
`card.ron`, as a run folder is, or a file `*.npz` with the layers `w0 b0 w1 b1 w2 b2` of somebody else's actor. Every policy takes the most likely of
the five actions and plays the same episodes. Prints the return of an episode, the mean over its agents: mean and 95 % bootstrap interval.
"""
import argparse
import hashlib
import json
import pathlib
import re
import struct
import sys

import numpy as np

# Normalised observations are clipped to this, as agon does.
CLIP = np.float32(10.0)
MAX_CYCLES = 25
AGENTS = 3
# The first episode has this seed, the next the following one.
FIRST_SEED = 1_000_000


class Policy:
    """Two hidden layers and five logits, behind a normaliser of the observations."""

    def __init__(self, layers, activation="tanh", mean=0.0, std=1.0):
        self.layers, self.activation = layers, activation
        self.mean = np.asarray(mean, np.float32)
        self.inverse_std = np.float32(1.0) / np.asarray(std, np.float32)

    def logits(self, rows):
        """Logits `[batch, 5]` of the observations `rows`, `[batch, 18]`."""
        x = np.clip((np.asarray(rows, np.float32) - self.mean) * self.inverse_std, -CLIP, CLIP)
        for index, (weight, bias) in enumerate(self.layers):
            x = x @ weight + bias
            if index < 2:
                x = np.tanh(x) if self.activation == "tanh" else np.maximum(x, np.float32(0.0))
        return x


def load(path):
    """The policy in a folder of agon or in a file of layers; what is wrong with it ends the program."""
    path = pathlib.Path(path)
    if path.suffix == ".npz":
        file = np.load(path)
        # Others do not clip what their networks see; nothing in this task is as far away as the clip.
        return Policy([(file[f"w{i}"], file[f"b{i}"]) for i in range(3)])
    card = (path / "card.ron").read_text()
    weights = (path / "policy.safetensors").read_bytes()
    value = lambda key: re.search(rf'^\s*{key}: "?([^",]*)"?,', card, re.MULTILINE).group(1)
    if value("sha256") != hashlib.sha256(weights).hexdigest():
        sys.exit(f"{path}: the card is of other weights")
    if (value("layout"), value("observation")) != ("particles/mpe2", "18"):
        sys.exit(f"{path}: this policy sees layout `{value('layout')}`, not that of mpe2")
    if "continuous: []" not in card:
        sys.exit(f"{path}: this policy has continuous actions; train one with `actions: discrete`")
    tensors = safetensors(weights)
    layers = [(tensors[f"actor.{i}.weight"], tensors[f"actor.{i}.bias"]) for i in range(3)]
    if layers[2][1].shape != (5,):
        sys.exit(f"{path}: this policy chooses among {layers[2][1].shape[0]} actions, simple_spread has 5")
    return Policy(layers, value("activation"), tensors["normaliser.mean"], tensors["normaliser.std"])


def safetensors(data):
    """The tensors of a file of safetensors, which are f32 here: a length, a header in JSON, the numbers."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return tensors


def play(policy, episodes, first_seed=FIRST_SEED):
    """Returns of so many episodes, the mean over agents."""
    from mpe2 import simple_spread_v3

    env = simple_spread_v3.parallel_env(N=AGENTS, local_ratio=0.5, max_cycles=MAX_CYCLES, continuous_actions=False)
    returns = np.zeros(episodes)
    for episode in range(episodes):
        observations, _ = env.reset(seed=first_seed + episode)
        names = list(env.agents)
        while env.agents:
            chosen = policy.logits(np.stack([observations[name] for name in names])).argmax(axis=1)
            observations, rewards, _, _, _ = env.step({name: int(a) for name, a in zip(names, chosen)})
            returns[episode] += np.mean([rewards[name] for name in names])
    return returns


def interval(values, statistic=np.mean, samples=10_000):
    """`statistic` of the values and its 95 % bootstrap interval."""
    values = np.asarray(values)
    drawn = np.random.default_rng(1).integers(len(values), size=(samples, len(values)))
    low, high = np.percentile([statistic(values[row]) for row in drawn], [2.5, 97.5])
    return float(statistic(values)), float(low), float(high)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policies", nargs="+", metavar="POLICY", help="run folder, shared policy, or *.npz")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="seed of the first episode")
    args = parser.parse_args()
    for path in args.policies:
        mean, low, high = interval(play(load(path), args.episodes, args.seed))
        print(f"{path}: {mean:.3f} [{low:.3f}, {high:.3f}], {args.episodes} episodes")


if __name__ == "__main__":
    main()
