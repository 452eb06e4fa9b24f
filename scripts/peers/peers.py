"""The comparisons of `scripts/peers.sh`: peers.py env|train|learn. Prints tables in Markdown; what was measured is kept in $PEERS_OUT.

Everything runs on one core and one thread, by turns. Of each child the CPU time counts, as the system tells it.
"""
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import play_mpe2  # noqa: E402

AGON = os.environ.get("AGON", "target/release/agon")
OUT = pathlib.Path(os.environ.get("PEERS_OUT", "runs/peers"))
TURNS = int(os.environ.get("PEERS_TURNS", "5"))
SEEDS = int(os.environ.get("PEERS_SEEDS", "5"))
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

# Training speed: the batch that BenchMARL's authors use for VMAS, 600 envs for 100 steps, and its two sizes of minibatches in frames.
ENVS, STEPS, HIDDEN, EPOCHS = 600, 100, 128, 5
MINIBATCHES = (4096, 400)
OBSERVATION, FORCES = 14, 2

# Learning: frames of a run, and where policies are looked at.
FRAMES = 2_000_000
FRAMES_BETWEEN = 100_000
CPU_S_BETWEEN = float(os.environ.get("PEERS_SLICE_S", "2"))
CURVE_EPISODES, FINAL_EPISODES = 100, 500
# What BenchMARL's settings are changed to; chosen on a training seed that no table has, see docs/peers.md.
THEIR_RECIPE = os.environ.get("PEERS_RECIPE", "--lr 0.001 --gamma 0.9").split()


def python(script, *args):
    """A command line for a script beside this one."""
    return [sys.executable, "-W", "ignore", str(HERE / script), *map(str, args)]


def run(command, stop_after_s=None):
    """Runs a child and returns what it prints and its CPU seconds. After `stop_after_s` of them it is asked to stop, where it is agon, and
    whether it did is returned as well. A child that fails ends the program."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(command, stdout=out, stderr=err)
        has_asked = False
        while not finished(child):
            if stop_after_s and not has_asked and cpu_s_of(child.pid) >= stop_after_s:
                child.send_signal(signal.SIGINT)
                has_asked = True
            time.sleep(0.05)
        was_stopped = has_asked and child.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
        for file in (out, err):
            file.seek(0)
        if child.returncode != 0 and not was_stopped:
            sys.exit(f"{' '.join(command)}\nended with {child.returncode}:\n{err.read()[-2000:]}")
        return out.read(), child.cpu_s, was_stopped


def bench(figure):
    """One figure of `agon bench`, and the machine that it was measured on."""
    told = json.loads(run([AGON, "bench", "--only", figure, "--json"])[0])
    return told["figures"][figure], told["machine"]


def env():
    """Steps of envs through actions."""
    batches = [2**n for n in range(6, 17)]
    with subprocess.Popen(python("vmas_env.py"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as vmas:

        def their_rate(envs, seconds):
            print(envs, seconds, file=vmas.stdin, flush=True)
            return float(vmas.stdout.readline())

        rates = {envs: their_rate(envs, 0.5) for envs in batches}
        best = max(rates, key=rates.get)
        print({envs: round(rate) for envs, rate in rates.items()}, file=sys.stderr)
        ours, theirs = [], []
        for _ in range(TURNS):
            figure, machine = bench("env_particles_spread_vmas_agent_sps")
            ours.append(figure["value"])
            theirs.append(their_rate(best, 1.0))
        vmas.stdin.close()
    limit = figure["limit"]
    keep("env", {"ours": ours, "theirs": theirs, "best": best, "rates": rates, "limit": limit, "machine": machine})
    speed_table([(f"env, VMAS with {best} envs", ours, theirs, limit)])


def train():
    """Agent-steps of whole iterations of training."""
    rows = {minibatch: ([], []) for minibatch in MINIBATCHES}
    for _ in range(TURNS):
        for minibatch, (ours, theirs) in rows.items():
            ours.append(our_training(minibatch))
            theirs.append(their_training(minibatch))
            print(f"minibatch {minibatch}: {ours[-1]:,.0f}, {theirs[-1]:,.0f}", file=sys.stderr)
    _, machine = bench("env_particles_spread_vmas_agent_sps")
    limit = machine["f32_flops"] / flops_per_agent_step()
    keep("train", {"rows": rows, "limit": limit, "machine": machine})
    speed_table([(f"training, minibatch {m}", ours, theirs, limit) for m, (ours, theirs) in rows.items()])


def our_training(minibatch, iterations=4):
    """agon's rate, start and end of the program included."""
    settings = {
        "max_steps": STEPS, "num_envs": ENVS, "num_steps": STEPS, "hidden": HIDDEN, "update_epochs": EPOCHS,
        "minibatch_size": 3 * minibatch, "target_kl": "None", "learning_rate": 5e-5, "critic_learning_rate": 5e-5,
    }
    folder = OUT / "speed"
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    frames = iterations * ENVS * STEPS
    command = [AGON, "train", "particles/spread-vmas", "--threads", "1", "--seed", "1", "--steps", str(frames), "--out", str(folder)]
    _, cpu_s, _ = run(command + [part for name, value in settings.items() for part in ("--set", f"{name}={value}")])
    return 3 * frames / cpu_s


def their_training(minibatch):
    """BenchMARL's rate, after an iteration to warm up, its start left out."""
    out = OUT / "speed.jsonl"
    frames = ENVS * STEPS
    run(python("benchmarl_run.py", "--task", "vmas", "--max-steps", STEPS, "--envs", ENVS, "--frames-per-batch", frames,
               "--frames", 2 * frames, "--minibatch", minibatch, "--epochs", EPOCHS, "--hidden", HIDDEN, "--out", out))
    first, last = [json.loads(line) for line in out.read_text().splitlines()]
    return 3 * (last["frames"] - first["frames"]) / (last["cpu_s"] - first["cpu_s"])


def flops_per_agent_step():
    """Operations that an agent-step of training cannot do without: actor and critic once for the rollout, forwards and twice as much
    backwards in each epoch, where nothing is passed down to the observations. The critic sees the three agents together."""
    first = OBSERVATION * HIDDEN + 3 * OBSERVATION * HIDDEN / 3
    rest = HIDDEN**2 + HIDDEN * FORCES + (HIDDEN**2 + HIDDEN) / 3
    return 2 * (first + rest) + EPOCHS * 2 * (2 * first + 3 * rest)


def learn():
    """Both train, seed by seed and by turns, and every kept policy plays mpe2."""
    for seed in range(1, SEEDS + 1):
        our_run(seed)
        their_run(seed)
    curves = {who: [curve(who, seed) for seed in range(1, SEEDS + 1)] for who in ("agon", "benchmarl")}
    keep("learn", curves)
    write_csv(curves)
    learning_table(curves)


def our_run(seed):
    """Trains agon and keeps its policy after every slice of CPU time: the run is interrupted and resumed, which changes none of its bits."""
    folder = OUT / f"agon-{seed}"
    if (folder / "curve.json").exists():
        return
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir(parents=True)
    points, cpu_s, is_done = [], 0.0, False
    command = [AGON, "train", "particles/spread", "--seed", str(seed), "--steps", str(FRAMES), "--out", str(folder / "run")]
    while not is_done:
        _, spent_s, was_stopped = run(command + ["--threads", "1"], CPU_S_BETWEEN)
        cpu_s, is_done = cpu_s + spent_s, not was_stopped
        kept = folder / f"{len(points):04}"
        kept.mkdir()
        for name in ("policy.safetensors", "card.ron"):
            (kept / name).write_bytes((folder / "run" / name).read_bytes())
        frames = int((kept / "card.ron").read_text().split("env_steps: ")[1].split(",")[0])
        points.append({"policy": str(kept), "frames": frames, "cpu_s": cpu_s})
        command = [AGON, "train", "--resume", str(folder / "run")]
    (folder / "curve.json").write_text(json.dumps(points))


def their_run(seed):
    """Trains BenchMARL and keeps its policy every so many frames."""
    folder = OUT / f"benchmarl-{seed}"
    if (folder / "curve.json").exists():
        return
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    folder.mkdir(parents=True)
    out, policies = folder / "iterations.jsonl", folder / "policies"
    run(python("benchmarl_run.py", "--task", "mpe2", "--seed", seed, "--frames", FRAMES, "--policies", policies,
               "--policies-every", FRAMES_BETWEEN, "--out", out, *THEIR_RECIPE))
    cpu_s = {line["frames"]: line["cpu_s"] for line in map(json.loads, out.read_text().splitlines())}
    kept = [(path, int(path.stem)) for path in sorted(policies.glob("*.npz"))]
    points = [{"policy": str(path), "frames": frames, "cpu_s": cpu_s[frames]} for path, frames in kept]
    (folder / "curve.json").write_text(json.dumps(points))


def curve(who, seed):
    """The points of a run with the returns of their policies in mpe2; the last of them plays more episodes, and others."""
    path = OUT / f"{who}-{seed}" / "curve.json"
    points = json.loads(path.read_text())
    for point in points:
        if "return" not in point:
            point["return"] = float(play_mpe2.play(play_mpe2.load(point["policy"]), CURVE_EPISODES).mean())
    last = points[-1]
    if "final" not in last:
        first_seed = play_mpe2.FIRST_SEED + CURVE_EPISODES
        last["final"] = float(play_mpe2.play(play_mpe2.load(last["policy"]), FINAL_EPISODES, first_seed).mean())
    path.write_text(json.dumps(points))
    return points


def iqm(values):
    """Mean of the middle half; of five values, a quarter of the second and fourth is left out with the first and last."""
    values = np.sort(np.asarray(values, float))
    edges = np.arange(len(values) + 1) / len(values)
    weights = np.clip(np.minimum(edges[1:], 0.75) - np.maximum(edges[:-1], 0.25), 0.0, None)
    return float(values @ weights / weights.sum())


def learning_table(curves):
    """Final returns, and the CPU time until BenchMARL's."""
    goal = iqm([points[-1]["return"] for points in curves["benchmarl"]])
    print("| | return after all frames, IQM | by seed | CPU-s of a run | CPU-s until BenchMARL's return |")
    print("|---|---|---|---|---|")
    for who, points in curves.items():
        finals = [run_points[-1]["final"] for run_points in points]
        mean, low, high = play_mpe2.interval(finals, iqm)
        spent = statistics.median(run_points[-1]["cpu_s"] for run_points in points)
        by_seed = ", ".join(f"{value:.2f}" for value in finals)
        print(f"| {who} | {mean:.2f} [{low:.2f}, {high:.2f}] | {by_seed} | {spent:.0f} | {until(points, goal)} |")


def until(runs, goal):
    """CPU seconds of the first point at which the IQM over runs is at least `goal`."""
    for index in range(min(map(len, runs))):
        if iqm([points[index]["return"] for points in runs]) >= goal:
            return f"{statistics.median(points[index]['cpu_s'] for points in runs):.0f}"
    return "not reached"


def write_csv(curves):
    """The curves as a table: one line per policy."""
    with open(OUT / "curves.csv", "w") as file:
        print("who,seed,frames,cpu_s,return", file=file)
        for who, runs in curves.items():
            for seed, points in enumerate(runs, 1):
                for point in points:
                    print(f"{who},{seed},{point['frames']},{point['cpu_s']:.2f},{point['return']:.4f}", file=file)


def speed_table(rows):
    """Rates side by side, as medians over the turns, and shares of the limit."""
    print("| agent-steps per core-second | agon | share of the limit | peer | share of the limit | ratio |")
    print("|---|---|---|---|---|---|")
    for name, ours, theirs, limit in rows:
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"| {name} | {a:,.0f} | {a / limit:.3f} | {b:,.0f} | {b / limit:.4f} | {a / b:.2f} |")


def keep(name, measured):
    """Keeps what was measured."""
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(measured, indent=1))


def finished(child):
    """Whether a child has ended; if so, its exit status and CPU time are noted on it."""
    pid, status, usage = os.wait4(child.pid, os.WNOHANG)
    if pid:
        child.returncode, child.cpu_s = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
    return bool(pid)


def cpu_s_of(pid):
    """CPU seconds of a running child so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def main():
    parts = {"env": env, "train": train, "learn": learn}
    names = sys.argv[1:] or list(parts)
    if unknown := [name for name in names if name not in parts]:
        sys.exit(f"unknown part `{unknown[0]}`; there are {', '.join(parts)}")
    # The libraries of the children make no threads beside their own, and everything shares one core.
    os.environ.update(dict.fromkeys(["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"], "1"))
    core = int(os.environ.get("PEERS_CORE", min(os.sched_getaffinity(0))))
    os.sched_setaffinity(0, {core})
    OUT.mkdir(parents=True, exist_ok=True)
    for name in names:
        parts[name]()


if __name__ == "__main__":
    main()
