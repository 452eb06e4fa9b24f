#!/usr/bin/env python3
"""Writes what mpe2 does in simple_spread and simple_tag, for the tests of `particles`: scripts/particles_vectors.py

Needs the version of mpe2 that is pinned below (`pip install mpe2==1.1.1`) and nothing else. The file holds tables one after
the other, compressed by gzip. Numbers are little-endian. A table is a header of eight u32:

    task (0 spread, 1 tag), agents, adversaries, landmarks, actions (0 discrete, 1 continuous), records, steps per record,
    numbers in the longest observation

and its records. A record is a start and one or more steps. A start has x and y of every agent, the velocity of every agent, x and
y of every landmark, as i16 in units of 1/4096. A step has the actions, one u8 per agent (discrete) or five u8 per agent in
units of 1/200 (continuous, so that some lie beyond 1), then as f32 x and y of every agent, every velocity, and every reward. Records of one
step end with the observation of one agent, that of record i of agent i modulo the number of agents, as f32, filled up with zeros.
"""
import gzip
import importlib.metadata
import pathlib
import struct
import sys

import numpy as np

VERSION = "1.1.1"
OUT = pathlib.Path(__file__).parent.parent / "src/domains/particles/tests/mpe2.bin.gz"

# States are multiples of this, so that f32 and f64 start from the same numbers.
UNIT = 4096
# Continuous actions are multiples of this.
ACTION_UNIT = 200
# A count of collisions jumps where two agents just touch: states as close to that as this are left out.
TOUCH = 2e-5


class Table:
    """One environment of mpe2, and what was recorded of it."""

    def __init__(self, env, task, is_continuous, steps):
        env.reset(seed=0)
        world = env.unwrapped.world
        self.env, self.world, self.is_continuous, self.steps = env, world, is_continuous, steps
        self.agents, self.landmarks = world.agents, world.landmarks
        adversaries = sum(getattr(agent, "adversary", False) for agent in self.agents)
        self.longest = max(env.observation_space(agent.name).shape[0] for agent in self.agents)
        self.header = [task, len(self.agents), adversaries, len(self.landmarks), int(is_continuous)]
        self.records = []

    def bytes(self):
        """The table as the file holds it."""
        header = struct.pack("<8I", *self.header, len(self.records), self.steps, self.longest)
        return header + b"".join(self.records)

    def put(self, positions, velocities, landmarks):
        """Begins an episode at these places, rounded; returns the rounded numbers as bytes."""
        self.env.reset(seed=0)
        rounded = [np.round(part * UNIT).astype("<i2") for part in (positions, velocities, landmarks)]
        positions, velocities, landmarks = (part / UNIT for part in rounded)
        for agent, position, velocity in zip(self.agents, positions, velocities):
            agent.state.p_pos, agent.state.p_vel = position.copy(), velocity.copy()
        for landmark, position in zip(self.landmarks, landmarks):
            landmark.state.p_pos = position.copy()
        return b"".join(part.tobytes() for part in rounded)

    def step(self, numbers):
        """One step by these actions; returns its bytes without observations, and the observations."""
        chosen = numbers / ACTION_UNIT if self.is_continuous else numbers
        actions = {agent.name: action for agent, action in zip(self.agents, chosen)}
        if self.is_continuous:
            # What the wrapper of mpe2 does as well, but with a warning for each number.
            actions = {name: np.clip(action, 0.0, 1.0).astype(np.float32) for name, action in actions.items()}
        seen, rewards, ended, cut, _ = self.env.step(actions)
        assert not any(ended.values())
        states = [agent.state for agent in self.agents]
        parts = [state.p_pos for state in states] + [state.p_vel for state in states]
        parts.append([rewards[agent.name] for agent in self.agents])
        self.is_cut = all(cut.values())
        return numbers.tobytes() + np.concatenate(parts).astype("<f4").tobytes(), seen

    def touches(self):
        """Whether two agents are so close to touching that rounding decides."""
        for i, one in enumerate(self.agents):
            for other in self.agents[:i]:
                gap = np.linalg.norm(one.state.p_pos - other.state.p_pos) - one.size - other.size
                if abs(gap) < TOUCH:
                    return True
        return False

    def draw_actions(self, rng):
        """Uniform actions as the file holds them."""
        if self.is_continuous:
            return rng.integers(0, 256, (len(self.agents), 5)).astype(np.uint8)
        return rng.integers(0, 5, len(self.agents)).astype(np.uint8)

    def draw_state(self, rng):
        """Places and velocities of all kinds: far apart and one upon the other, within and beyond the bounds of tag."""
        spread = rng.choice([0.15, 0.4, 1.0, 1.6])
        centre = rng.uniform(-0.6, 0.6, 2)
        positions = centre + rng.uniform(-spread, spread, (len(self.agents), 2))
        velocities = rng.uniform(-1, 1, (len(self.agents), 2)) * rng.choice([0.0, 0.3, 1.5])
        near = centre if rng.random() < 0.5 else 0.0
        landmarks = near + rng.uniform(-0.9, 0.9, (len(self.landmarks), 2))
        return positions, velocities, landmarks

    def record_steps(self, rng, records):
        """Single steps from drawn states."""
        while len(self.records) < records:
            start = self.put(*self.draw_state(rng))
            step, seen = self.step(self.draw_actions(rng))
            agent = self.agents[len(self.records) % len(self.agents)]
            row = np.zeros(self.longest, "<f4")
            row[: len(seen[agent.name])] = seen[agent.name]
            if not self.touches():
                self.records.append(start + step + row.tobytes())

    def record_episodes(self, rng, records):
        """Whole episodes, each agent going the same way for some steps, so that they meet."""
        while len(self.records) < records:
            landmarks = rng.uniform(-0.9, 0.9, (len(self.landmarks), 2))
            positions = rng.uniform(-1, 1, (len(self.agents), 2))
            record, is_close = self.put(positions, np.zeros_like(positions), landmarks), False
            actions = self.draw_actions(rng)
            for number in range(self.steps):
                assert number == 0 or not self.is_cut
                keep = rng.random(len(self.agents)) < 0.8
                actions = np.where(keep[:, None] if self.is_continuous else keep, actions, self.draw_actions(rng))
                step, _ = self.step(actions)
                record += step
                is_close |= self.touches()
            assert self.is_cut, "an episode of mpe2 has 25 steps"
            if not is_close:
                self.records.append(record)


def main():
    if (found := importlib.metadata.version("mpe2")) != VERSION:
        sys.exit(f"the vectors are those of mpe2 {VERSION}, this is {found}")
    from mpe2 import simple_spread_v3, simple_tag_v3

    spread = lambda **more: simple_spread_v3.parallel_env(**more)
    tag = lambda **more: simple_tag_v3.parallel_env(**more)
    crowd = {"num_good": 2, "num_adversaries": 4, "num_obstacles": 3}
    rng = np.random.default_rng(1)
    # Environment, task, whether actions are continuous, single steps, episodes, parameters.
    wanted = [
        (spread, 0, False, 1000, 10, {}),
        (spread, 0, True, 150, 3, {}),
        (spread, 0, False, 50, 1, {"N": 6}),
        (tag, 1, False, 1000, 10, {}),
        (tag, 1, True, 150, 3, {}),
        (tag, 1, False, 50, 1, crowd),
    ]
    tables = []
    for make, task, is_continuous, steps, episodes, more in wanted:
        for count, length in ((steps, 1), (episodes, 25)):
            table = Table(make(continuous_actions=is_continuous, **more), task, is_continuous, length)
            (table.record_steps if length == 1 else table.record_episodes)(rng, count)
            tables.append(table.bytes())
    OUT.write_bytes(gzip.compress(b"".join(tables), mtime=0))
    print(f"{OUT.name}: {len(tables)} tables, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
