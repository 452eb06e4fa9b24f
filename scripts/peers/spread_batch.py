"""simple_spread of mpe2, many at once in torch, for BenchMARL: mpe2 behind TorchRL's wrapper steps one env at a time in Python, which takes
far longer than all that is learned from it. `check` compares it with mpe2 step by step.

Three agents, three landmarks, local_ratio 0.5, discrete actions. Batches of envs begin and end their episodes together.
"""
import torch
from tensordict import TensorDict
from torchrl.data import Categorical, Composite, Unbounded
from torchrl.envs import EnvBase

AGENTS = 3
OBSERVATION = 18
# What the five actions thrust with, times mpe2's sensitivity of 5.
THRUST = 5.0 * torch.tensor([[0.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
DT_S, DAMPING, FORCE, MARGIN, TOUCH_M = 0.1, 0.25, 100.0, 1e-3, 0.3
# For each agent, the others in order.
OTHERS = torch.tensor([[1, 2], [0, 2], [0, 1]])


class Spread:
    """The physics, rewards and observations."""

    def __init__(self, envs):
        self.envs = envs
        self.place(torch.zeros(envs, AGENTS, 2), torch.zeros(envs, AGENTS, 2))

    def place(self, agents, landmarks):
        """Begins episodes with everybody at these places, `[envs, 3, 2]`."""
        self.position, self.landmarks = agents.clone(), landmarks.clone()
        self.velocity = torch.zeros_like(agents)
        self.measure()

    def measure(self):
        """Ways and distances between all agents; nobody is near itself."""
        self.ways = self.position[:, None] - self.position[:, :, None]
        self.apart = self.ways.square().sum(-1).sqrt() + 1e3 * torch.eye(AGENTS)

    def step(self, actions):
        """Moves by the actions `[envs, 3]` and returns the rewards `[envs, 3]`."""
        overlap = MARGIN * torch.nn.functional.softplus((TOUCH_M - self.apart) / MARGIN)
        push = -(FORCE * overlap / self.apart)[..., None] * self.ways
        self.position = self.position + DT_S * self.velocity
        self.velocity = (1.0 - DAMPING) * self.velocity + DT_S * (THRUST[actions] + push.sum(2))
        self.measure()
        far = (self.landmarks[:, :, None] - self.position[:, None]).square().sum(-1).sqrt()
        touches = (self.apart < TOUCH_M).sum(-1)
        return -0.5 * far.amin(-1).sum(-1, keepdim=True) - 0.5 * touches

    def observe(self):
        """What agents see, `[envs, 3, 18]`."""
        to_landmarks = (self.landmarks[:, None] - self.position[:, :, None]).flatten(2)
        to_others = self.ways.gather(2, OTHERS[None, :, :, None].expand(self.envs, -1, -1, 2)).flatten(2)
        silence = torch.zeros(self.envs, AGENTS, 4)
        return torch.cat([self.velocity, self.position, to_landmarks, to_others, silence], -1)


class SpreadEnv(EnvBase):
    """The same as an environment of TorchRL, with the keys that PettingZoo's wrapper has."""

    def __init__(self, envs, seed, max_cycles):
        super().__init__(batch_size=torch.Size([envs]))
        self.spread, self.max_cycles, self.steps = Spread(envs), max_cycles, 0
        self.group_map = {"agent": [f"agent_{i}" for i in range(AGENTS)]}
        agents = (AGENTS,)
        seen = Composite({"observation": Unbounded((AGENTS, OBSERVATION))}, shape=agents)
        self.full_observation_spec_unbatched = Composite({"agent": seen, "state": Unbounded((AGENTS * OBSERVATION,))})
        chosen = Composite({"action": Categorical(5, shape=agents)}, shape=agents)
        self.full_action_spec_unbatched = Composite({"agent": chosen})
        self.full_reward_spec_unbatched = Composite({"agent": Composite({"reward": Unbounded((AGENTS, 1))}, shape=agents)})
        flag = lambda: Categorical(2, shape=(1,), dtype=torch.bool)
        self.full_done_spec_unbatched = Composite(
            {"done": flag(), "terminated": flag(), "truncated": flag()}
        )
        self.set_seed(seed)

    def _set_seed(self, seed):
        self.generator = torch.Generator().manual_seed(seed or 0)

    def _reset(self, tensordict=None, **_):
        uniform = lambda: 2.0 * torch.rand(self.spread.envs, AGENTS, 2, generator=self.generator) - 1.0
        self.spread.place(uniform(), uniform())
        self.steps = 0
        return TensorDict({**self.seen(), **self.flags(False)}, self.batch_size)

    def _step(self, tensordict):
        rewards = self.spread.step(tensordict["agent", "action"])
        self.steps += 1
        seen = self.seen()
        seen["agent"]["reward"] = rewards[..., None]
        return TensorDict({**seen, **self.flags(self.steps >= self.max_cycles)}, self.batch_size)

    def seen(self):
        """Observations and state."""
        observations = self.spread.observe()
        agents = TensorDict({"observation": observations}, [self.spread.envs, AGENTS])
        return {"agent": agents, "state": observations.flatten(1)}

    def flags(self, is_over):
        """Episodes are cut off, they never end by themselves."""
        over = torch.full((self.spread.envs, 1), is_over)
        return {"done": over, "truncated": over.clone(), "terminated": torch.zeros_like(over)}


def check(episodes=30, steps=25):
    """Plays random episodes here and in mpe2 and ends the program where they differ."""
    import numpy as np
    from mpe2 import simple_spread_v3

    env = simple_spread_v3.parallel_env(N=AGENTS, local_ratio=0.5, max_cycles=steps + 1, continuous_actions=False)
    rng, spread = np.random.default_rng(1), Spread(1)
    for episode in range(episodes):
        seen, _ = env.reset(seed=episode)
        world = env.unwrapped.world
        places = [torch.tensor(np.stack([e.state.p_pos for e in part]), dtype=torch.float32)[None]
                  for part in (world.agents, world.landmarks)]
        # Half of the episodes begin in a crowd, or nobody would touch anybody.
        if episode % 2:
            places[0] *= 0.2
            for agent, at in zip(world.agents, places[0][0].numpy()):
                agent.state.p_pos = at.astype(float)
        spread.place(*places)
        for _ in range(steps):
            actions = rng.integers(5, size=AGENTS)
            seen, rewards, *_ = env.step({name: int(a) for name, a in zip(env.agents, actions)})
            ours = spread.step(torch.tensor(actions)[None])[0].numpy()
            theirs = np.array([rewards[name] for name in env.agents])
            apart = np.abs(spread.observe()[0].numpy() - np.stack([seen[name] for name in env.agents])).max()
            # Where discs just touch, rounding decides whether they do.
            just = (spread.apart - TOUCH_M).abs().min() < 1e-4
            assert apart < 2e-3 and (just or np.abs(ours - theirs).max() < 2e-3), (episode, apart, ours, theirs)


if __name__ == "__main__":
    check()
    print("equal to mpe2")
