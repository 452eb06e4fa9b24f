"""Trains MAPPO of BenchMARL on one thread and writes a line of JSON after every iteration: frames, CPU seconds, return of the episodes played.

CPU seconds are this process's from the moment that everything is built. Nothing is evaluated, logged or saved by BenchMARL meanwhile; with
`--policies DIR` the actor's layers are written as `<frames>.npz`, whose time is not counted.
"""
import argparse
import dataclasses
import json
import pathlib
import resource
import tempfile

import numpy as np
import torch
from benchmarl.algorithms import MappoConfig
from benchmarl.environments import VmasTask
from benchmarl.environments.pettingzoo.common import PettingZooClass
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig
from torchrl.envs import PettingZooWrapper


class Mpe2(PettingZooClass):
    """simple_spread of mpe2, which this version of PettingZoo does not bring any more: many at once, or one after the other by TorchRL's wrapper."""

    def get_env_fun(self, num_envs, continuous_actions, seed, device):
        from spread_batch import SpreadEnv

        if self.config["is_wrapped"]:
            return lambda: self.wrapped(continuous_actions, seed, device)
        return lambda: SpreadEnv(num_envs, seed, self.config["max_cycles"])

    def wrapped(self, continuous_actions, seed, device):
        """One env in TorchRL's wrapper."""
        from mpe2 import simple_spread_v3

        env = simple_spread_v3.parallel_env(max_cycles=self.config["max_cycles"], continuous_actions=continuous_actions)
        return PettingZooWrapper(env, return_state=True, categorical_actions=True, seed=seed, device=device)

    def observation_spec(self, env):
        spec = self.unbatched(env, "observation").clone()
        for key in [key for key in spec["agent"].keys() if key != "observation"]:
            del spec["agent"][key]
        del spec["state"]
        return spec

    def state_spec(self, env):
        from torchrl.data import Composite

        return Composite({"state": self.unbatched(env, "observation")["state"].clone()})

    def action_mask_spec(self, env):
        return None

    def info_spec(self, env):
        return None

    def action_spec(self, env):
        return self.unbatched(env, "action")

    def unbatched(self, env, what):
        """Specs of one env."""
        return getattr(env, f"full_{what}_spec_unbatched") if env.batch_size else getattr(env, f"full_{what}_spec")


class Meter(Callback):
    """Notes CPU time, frames and returns, and keeps policies."""

    def __init__(self, out, policies, every):
        super().__init__()
        self.out, self.policies, self.every, self.kept = out, policies, every, 0
        self.uncounted_s = 0.0

    def __getstate__(self):
        # BenchMARL pickles what belongs to an experiment, to begin it anew, which is never done here.
        return {}

    def start(self):
        """Time counts from here."""
        self.uncounted_s = cpu_s()

    def on_train_end(self, training_td, group):
        now = cpu_s()
        frames = self.experiment.total_frames
        line = {"frames": frames, "cpu_s": now - self.uncounted_s, "return": float(self.experiment.mean_return)}
        print(json.dumps(line), file=self.out, flush=True)
        if self.policies and frames >= self.kept + self.every:
            self.kept = frames
            np.savez(self.policies / f"{frames:09}.npz", **layers(self.experiment))
        self.uncounted_s += cpu_s() - now


def cpu_s():
    """CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def layers(experiment):
    """The actor's layers, weights `[inputs, outputs]`; ends the program if they do not give the logits that BenchMARL has."""
    policy = experiment.group_policies["agent"]
    tensors = [p.detach() for p in policy.parameters()]
    tensors = [p[0] if p.ndim == 3 or (p.ndim == 2 and p.shape[0] == 1) else p for p in tensors]
    weights, biases = [p.T for p in tensors if p.ndim == 2], [p for p in tensors if p.ndim == 1]
    assert len(weights) == len(biases) == 3, [tuple(p.shape) for p in tensors]
    x = torch.randn(64, 3, weights[0].shape[0])
    from tensordict import TensorDict

    seen = TensorDict({"agent": TensorDict({"observation": x}, [64, 3])}, [64])
    with torch.no_grad():
        theirs = policy(seen)["agent", "logits"]
        for index, (weight, bias) in enumerate(zip(weights, biases)):
            x = x @ weight + bias
            x = torch.tanh(x) if index < 2 else x
    assert torch.allclose(x, theirs, atol=1e-4), "these are not the layers of the policy"
    named = {f"w{i}": w.contiguous().numpy() for i, w in enumerate(weights)}
    return named | {f"b{i}": b.numpy() for i, b in enumerate(biases)}


def config(args, folder):
    """BenchMARL's own settings but for those that were asked for."""
    settings = ExperimentConfig.get_from_yaml()
    changes = {
        "prefer_continuous_actions": args.task == "vmas",
        "max_n_frames": args.frames,
        "on_policy_collected_frames_per_batch": args.frames_per_batch,
        "on_policy_n_envs_per_worker": args.envs,
        "on_policy_n_minibatch_iters": args.epochs,
        "on_policy_minibatch_size": args.minibatch,
        "lr": args.lr,
        "gamma": args.gamma,
        "evaluation": False,
        "render": False,
        "loggers": [],
        "create_json": False,
        "save_folder": str(folder),
    }
    return dataclasses.replace(settings, **changes)


def task(args):
    """The task with its length of an episode."""
    if args.task == "vmas":
        return VmasTask.SIMPLE_SPREAD.get_task({"max_steps": args.max_steps, "n_agents": 3, "obs_agents": True})
    return Mpe2("SIMPLE_SPREAD", {"max_cycles": args.max_steps, "is_wrapped": args.task == "mpe2-wrapped"})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=["vmas", "mpe2", "mpe2-wrapped"], required=True)
    for name, default in [("frames", 2_000_000), ("frames-per-batch", 6000), ("envs", 240), ("minibatch", 400),
                          ("epochs", 5), ("hidden", 128), ("max-steps", 25), ("seed", 1), ("policies-every", 100_000)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--policies", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.task == "mpe2":
        import spread_batch

        spread_batch.check()
    if args.policies:
        args.policies.mkdir(parents=True, exist_ok=True)
    model = MlpConfig(num_cells=[args.hidden, args.hidden], layer_class=torch.nn.Linear, activation_class=torch.nn.Tanh)
    with tempfile.TemporaryDirectory() as folder, open(args.out, "w") as out:
        meter = Meter(out, args.policies, args.policies_every)
        experiment = Experiment(
            task=task(args),
            algorithm_config=MappoConfig.get_from_yaml(),
            model_config=model,
            critic_model_config=None,
            seed=args.seed,
            config=config(args, folder),
            callbacks=[meter],
        )
        meter.start()
        experiment.run()


if __name__ == "__main__":
    main()
