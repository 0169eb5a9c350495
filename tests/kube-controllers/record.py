#!/usr/bin/env python3
"""Records what real controllers make of objects.

    record.py FILE.txt...

Each file is a transcript. A comment (`#`) says what it is about, a line `> ...` is a step, with a manifest below it if it
needs one, a line `? ...` is a question, and the lines below that are the answer, which this script writes anew:

    > server CIDR PORTS         starts an API server that gives Services these addresses and ports (SERVER names what does so)
    > ranges CIDR MASK          starts controllers that split this range for nodes (RESTART names what does so)
    > nodes                     applies nodes.yaml
    > apply [A..B]              applies a manifest, and writes the `status` that it has; with a range once for each number:
                                $i is the number, $h and $l are its quotient and rest by 250
    > status KIND NAME JSON     writes into a status, as a merge
    > delete KIND NAME          asks for the end of an object
    > finish PREFIX COUNT PHASE  ends so many pods that have not ended
    > remove NAME               takes a pod away, as its node does
    > serve                     does once what nodes do: pods without an address run, pods that end are taken away
    > settle                    does so until all is done
    ? endpoints NAME            Endpoints
    ? counts NAME               how many addresses they have, ready ones and others
    ? slices NAME               EndpointSlices of a Service
    ? refusal                   what was said of the last manifest
    ? addresses                 those of Services
    ? ports                     their node ports
    ? sizes NAME                how many endpoints each of them has
    ? pods                      pods with their nodes and phases
    ? pod PREFIX                what controllers have written into the first such pod
    ? why NAME                  what the scheduler says about a pod
    ? nodes                     ranges and taints of nodes
    ? sets                      ReplicaSets
    ? state KIND NAME           a status

Needs `kubectl` (KUBECTL names it) with a configuration of a cluster that has an API server, a kube-controller-manager and
a kube-scheduler, but no kubelet; all objects of the namespace `default` and all nodes are deleted. README.md says more.
"""

import concurrent.futures
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.parse

import yaml

KINDS = {
    "Node": "/api/v1/nodes",
    "Pod": "/api/v1/namespaces/default/pods",
    "Service": "/api/v1/namespaces/default/services",
    "Endpoints": "/api/v1/namespaces/default/endpoints",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
    "Deployment": "/apis/apps/v1/namespaces/default/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/default/replicasets",
    "StatefulSet": "/apis/apps/v1/namespaces/default/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/default/daemonsets",
    "Job": "/apis/batch/v1/namespaces/default/jobs",
}
LETTERS = "[bcdfghjklmnpqrstvwxz2456789]"
# What differs from run to run.
DROPPED = {
    "uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "observedGeneration",
    "controller-uid", "batch.kubernetes.io/controller-uid", "lastTransitionTime", "lastUpdateTime", "lastProbeTime", "startTime", "completionTime",
    "kubectl.kubernetes.io/last-applied-configuration", "endpoints.kubernetes.io/last-change-trigger-time",
}
QUIET = float(os.environ.get("QUIET", "2.5"))


class Api:
    """The API server, over one connection a thread."""

    def __init__(self):
        shown = subprocess.run(kubectl() + ["config", "view", "--raw", "-o", "json"], capture_output=True, check=True)
        config = json.loads(shown.stdout)
        self.host = urllib.parse.urlparse(config["clusters"][0]["cluster"]["server"]).netloc
        self.token = config["users"][0]["user"]["token"]

    def call(self, method, path, body=None, kind="application/json"):
        link = http.client.HTTPSConnection(self.host, context=ssl._create_unverified_context())
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        link.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = link.getresponse()
        text = answer.read()
        link.close()
        return json.loads(text)

    def list(self, kind):
        return self.call("GET", KINDS[kind]).get("items") or []

    def merge_status(self, kind, name, status):
        path = f"{KINDS[kind]}/{name}/status"
        done = self.call("PATCH", path, {"status": status}, "application/merge-patch+json")
        if done.get("kind") == "Status":
            raise SystemExit(f"{path}: {done['message']}")

    def delete(self, kind, name, options=""):
        self.call("DELETE", f"{KINDS[kind]}/{name}?propagationPolicy=Background{options}")


def kubectl():
    return os.environ.get("KUBECTL", "kubectl").split()


class Case:
    """A transcript on its way."""

    def __init__(self, api):
        self.api, self.hashes, self.served = api, {}, 0

    def clean(self):
        for _ in range(60):
            left = 0
            for kind in ["Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "Service", "Endpoints",
                         "EndpointSlice", "Pod", "Node"]:
                for found in self.api.list(kind):
                    meta = found["metadata"]
                    if meta["name"] == "kubernetes" or meta["name"].startswith("kubernetes-"):
                        continue
                    if meta.get("finalizers"):
                        path = f"{KINDS[kind]}/{meta['name']}"
                        nothing = {"metadata": {"finalizers": None}}
                        self.api.call("PATCH", path, nothing, "application/merge-patch+json")
                    self.api.delete(kind, meta["name"], "&gracePeriodSeconds=0")
                    left += 1
            if not left:
                return
            time.sleep(0.3)
        raise SystemExit("objects do not go away")

    def rest(self):
        """Waits until nothing changes any longer."""
        before, since = None, time.time()
        while time.time() - since < QUIET:
            kinds = (self.api.list(kind) for kind in KINDS)
            now = [found["metadata"]["resourceVersion"] for kind in kinds for found in kind]
            if now != before:
                before, since = now, time.time()
            time.sleep(0.1)

    def step(self, words, body):
        getattr(self, "do_" + words[0])(words[1:], body)

    def do_server(self, words, _):
        subprocess.run(os.environ["SERVER"].split() + words, check=True)
        self.api = Api()

    def do_ranges(self, words, _):
        subprocess.run(os.environ["RESTART"].split() + words, check=True)

    def do_nodes(self, _, __):
        here = os.path.dirname(os.path.abspath(__file__))
        self.do_apply([], open(os.path.join(here, "nodes.yaml"), encoding="utf-8").read())

    def do_apply(self, words, body):
        texts = [body]
        if words:
            first, last = map(int, words[0].split(".."))
            numbers = range(first, last)
            texts = [
                body.replace("$i", str(i)).replace("$h", str(i // 250)).replace("$l", str(i % 250)) for i in numbers
            ]
        text = "\n---\n".join(texts)
        done = subprocess.run(
            kubectl() + ["apply", "--server-side=false", "--validate=false", "-f", "-"], input=text, text=True, capture_output=True
        )
        self.refusal = done.stderr.strip()
        print(self.refusal, file=sys.stderr, end="\n" if self.refusal else "")
        if done.returncode and "STDIN" not in done.stderr and "is invalid" not in done.stderr:
            raise SystemExit(f"{done.stderr}\n{text[:2000]}")
        objects = [found for found in yaml.safe_load_all(text) if found and found.get("status")]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda o: self.api.merge_status(o["kind"], o["metadata"]["name"], o["status"]), objects):
                pass

    def do_status(self, words, _):
        self.api.merge_status(words[0], words[1], json.loads(" ".join(words[2:])))

    def do_delete(self, words, _):
        self.api.delete(words[0], words[1])

    def do_finish(self, words, _):
        self.rest()
        over = ("Succeeded", "Failed")
        pods = [
            pod["metadata"]["name"] for pod in self.api.list("Pod")
            if pod["metadata"]["name"].startswith(words[0]) and pod["status"]["phase"] not in over
            and not pod["metadata"].get("deletionTimestamp")
        ]
        for name in pods[:int(words[1])]:
            self.api.merge_status("Pod", name, {"phase": words[2], "conditions": [{"type": "Ready", "status": "False"}]})

    def do_remove(self, words, _):
        self.api.delete("Pod", words[0], "&gracePeriodSeconds=0")

    def do_settle(self, _, __):
        self.rest()
        while self.serve():
            self.rest()

    def do_serve(self, _, __):
        self.rest()
        self.serve()

    def serve(self):
        """Does once what kubelets do; whether there was anything to do."""
        pods = self.api.list("Pod")
        pods.sort(key=lambda pod: pod["metadata"]["name"])
        bound = [pod for pod in pods if pod["spec"].get("nodeName")]
        ending = [pod for pod in bound if pod["metadata"].get("deletionTimestamp")]
        waiting = [
            pod for pod in bound if not pod["status"].get("podIP") and pod not in ending
            and pod["status"]["phase"] in ("Pending", "Running")
        ]
        for pod in waiting:
            self.served += 1
            ip = f"10.244.1.{self.served}"
            ready = {"type": "Ready", "status": "True"}
            status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [ready]}
            self.api.merge_status("Pod", pod["metadata"]["name"], status)
        for pod in ending:
            self.api.delete("Pod", pod["metadata"]["name"], "&gracePeriodSeconds=0")
        return bool(waiting or ending)

    def ask(self, words):
        self.rest()
        lines = getattr(self, "tell_" + words[0])(*words[1:])
        return [self.rename(line) for line in lines]

    def rename(self, line):
        """Puts something in the place of what was drawn at random or hashed."""
        for kind in ["Pod", "EndpointSlice"]:
            for found in self.api.list(kind):
                base, name = found["metadata"].get("generateName"), found["metadata"]["name"]
                if base and re.fullmatch(LETTERS + "{5}", name.removeprefix(base)):
                    line = line.replace(name, base + "RANDOM")
        for name, number in self.hashes.items():
            line = line.replace(name, f"HASH{number}")
        return line

    def hash(self, value):
        if value:
            self.hashes.setdefault(value, len(self.hashes) + 1)

    def one(self, kind, name):
        found = [found for found in self.api.list(kind) if found["metadata"]["name"] == name]
        return found[0] if found else None

    def tell_endpoints(self, name):
        found = self.one("Endpoints", name)
        if not found:
            return ["none"]
        # Hashes decide about the order of subsets and of their ports.
        subsets = found.get("subsets") or []
        for subset in subsets:
            subset.get("ports", []).sort(key=text)
        return [text(without(found, "subsets"))] + sorted(map(text, subsets))

    def tell_counts(self, name):
        found = self.one("Endpoints", name)
        counts = (
            f"{len(subset.get('addresses') or [])} {len(subset.get('notReadyAddresses') or [])}"
            for subset in found.get("subsets") or []
        )
        return [text(without(found, "subsets")), *sorted(counts)]

    def slices(self, name):
        label = "kubernetes.io/service-name"
        all = self.api.list("EndpointSlice")
        found = [one for one in all if one["metadata"].get("labels", {}).get(label) == name]
        for one in found:
            one["ports"] = sorted(one.get("ports") or [], key=text)
        return found

    def tell_slices(self, name):
        blocks = []
        for found in self.slices(name):
            found["metadata"]["name"] = found["metadata"].get("generateName", "") + "RANDOM"
            endpoints = sorted(text(endpoint) for endpoint in found.get("endpoints") or [])
            blocks.append([text(without(found, "endpoints"))] + ["  " + line for line in endpoints])
        return [line for block in sorted(blocks) for line in block] or ["none"]

    def tell_sizes(self, name):
        sizes = (
            (s["addressType"], text(s.get("ports") or []), len(s.get("endpoints") or [])) for s in self.slices(name)
        )
        return [" ".join(map(str, size)) for size in sorted(sizes)] or ["none"]

    def tell_refusal(self):
        return re.sub(r'^Error from server .*?STDIN": ', "", self.refusal).splitlines() or ["nothing"]

    def tell_addresses(self):
        specs = [found["spec"] for found in self.api.list("Service")]
        return sorted(ip for spec in specs for ip in spec.get("clusterIPs") or [])

    def tell_ports(self):
        specs = [found["spec"] for found in self.api.list("Service")]
        return sorted(str(port["nodePort"]) for spec in specs for port in spec["ports"] if port.get("nodePort"))

    def tell_pods(self):
        lines = []
        for pod in self.api.list("Pod"):
            node, phase = pod["spec"].get("nodeName", "-"), pod["status"]["phase"]
            ending = " ending" if pod["metadata"].get("deletionTimestamp") else ""
            for label in ["pod-template-hash", "controller-revision-hash"]:
                self.hash(pod["metadata"].get("labels", {}).get(label, "").rpartition("-")[2])
            lines.append(f"{pod['metadata']['name']} {node} {phase}{ending}")
        return sorted(self.rename(line) for line in lines) or ["none"]

    def tell_pod(self, name):
        pod = next(pod for pod in self.api.list("Pod") if pod["metadata"]["name"].startswith(name))
        for label in ["pod-template-hash", "controller-revision-hash"]:
            self.hash(pod["metadata"].get("labels", {}).get(label, "").rpartition("-")[2])
        spec = {key: pod["spec"][key] for key in ["affinity", "hostname", "subdomain"] if key in pod["spec"]}
        # Those that admission gives to each pod are not modelled, nor is how deletion waits.
        tolerations = [one for one in pod["spec"].get("tolerations") or [] if one.get("tolerationSeconds") != 300]
        return [text(without(pod["metadata"], "finalizers")), text(spec)] + [text(toleration) for toleration in tolerations]

    def tell_why(self, name):
        conditions = self.one("Pod", name)["status"].get("conditions") or []
        said = [c for c in conditions if c["type"] == "PodScheduled"]
        return [f"{c['status']} {c.get('reason', '')}: {c.get('message', '')}" for c in said] or ["nothing"]

    def tell_nodes(self):
        def line(node):
            ranges = " ".join(node["spec"].get("podCIDRs") or ["-"])
            taints = (f"{taint['key']}:{taint['effect']}" for taint in node["spec"].get("taints") or [])
            return " ".join([node["metadata"]["name"], ranges, *sorted(taints)])
        return sorted(map(line, self.api.list("Node"))) or ["none"]

    def tell_sets(self):
        def revision(found):
            return int(found["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
        found = sorted(self.api.list("ReplicaSet"), key=revision)
        for one in found:
            self.hash(one["metadata"]["labels"].get("pod-template-hash"))
            del one["spec"]["template"]
        return [text(one) for one in found] or ["none"]

    def tell_state(self, kind, name):
        status = dict(self.one(kind, name)["status"])
        for key in ["currentRevision", "updateRevision"]:
            self.hash(status.get(key, "").rpartition("-")[2])
        status.pop("uncountedTerminatedPods", None)
        status["conditions"] = [
            {"type": c["type"], "status": c["status"]} for c in status.get("conditions") or []
        ] if kind != "Deployment" else None
        return [text(status)]


def without(found, key):
    return {name: value for name, value in found.items() if name not in (key, "apiVersion", "kind")}


def text(value):
    return json.dumps(tidy(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def tidy(value):
    """Takes out what differs from run to run, and what says nothing."""
    if isinstance(value, list):
        return [tidy(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: tidy(one) for name, one in value.items() if name not in DROPPED}
    return {name: one for name, one in kept.items() if one is not None and one != {} and one != []}


def record(api, path):
    lines = open(path, encoding="utf-8").read().splitlines()
    case, written, at = Case(api), [], 0
    case.clean()
    while at < len(lines):
        line = lines[at]
        at += 1
        written.append(line)
        if line[:2] not in ("> ", "? "):
            continue
        body = []
        while at < len(lines) and lines[at][:2] not in ("> ", "? ", "# "):
            body.append(lines[at])
            at += 1
        if line[0] == ">":
            written += body
            case.step(line[2:].split(), "\n".join(body))
        else:
            written += case.ask(line[2:].split())
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(written) + "\n")
    print(path)


if __name__ == "__main__":
    server = Api()
    for name in sys.argv[1:]:
        record(server, name)
