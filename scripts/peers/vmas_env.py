"""Steps of VMAS's simple_spread per CPU second. Each line of its input asks for a batch, `ENVS SECONDS`, and is answered by a line: agent-steps
per CPU second over at least so many. It stays between turns because importing torch takes longer than what is measured.

Random actions are drawn beforehand, as `agon bench` does; episodes last 25 steps, and their resets are timed. No gradients are asked for.
"""
import resource
import sys

import torch
import vmas

AGENTS = 3
EPISODE = 25
ACTION_SETS = 8


def cpu_s():
    """CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rate(envs, seconds):
    """Agent-steps per CPU second of a batch of so many envs, over at least `seconds` of CPU time."""
    env = vmas.make_env("simple_spread", num_envs=envs, continuous_actions=True, seed=1)
    sets = [[2.0 * torch.rand(envs, 2) - 1.0 for _ in range(AGENTS)] for _ in range(ACTION_SETS)]

    def episode():
        env.reset()
        for step in range(EPISODE):
            env.step(sets[step % ACTION_SETS])

    episode()
    episodes, start = 0, cpu_s()
    while cpu_s() - start < seconds:
        episode()
        episodes += 1
    return episodes * EPISODE * envs * AGENTS / (cpu_s() - start)


def main():
    torch.set_num_threads(1)
    with torch.no_grad():
        for line in sys.stdin:
            envs, seconds = line.split()
            print(rate(int(envs), float(seconds)), flush=True)


if __name__ == "__main__":
    main()
