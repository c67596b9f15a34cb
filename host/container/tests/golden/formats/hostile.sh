# The seccomp profile is printed by: safeclaw posture --format seccomp > safeclaw-seccomp.json
# CreateMountpoint: --mount makes no missing directory either; NonRecursive: bind-nonrecursive.
# StdinOnce follows from --interactive with --attach: who goes away ends the container.
# NetworkDisabled: there is no flag for it; --network none says the same.
# There is nothing, and so no flag, for: CapAdd, PortBindings, PidMode, UTSMode, Devices, Env.
docker run \
  --name safeclaw-hub1-0 \
  --pull never \
  --entrypoint /runner \
  --label safeclaw.class=class \
  --label safeclaw.created=7 \
  --label safeclaw.hub=hub1 \
  --rm \
  --restart no \
  --interactive \
  --attach stdin \
  --attach stdout \
  --attach stderr \
  --tty=false \
  --stop-signal SIGKILL \
  --user 1000:1000 \
  --workdir / \
  --read-only \
  --tmpfs /run:rw,noexec,nosuid,nodev,size=16777216,nr_inodes=1024,mode=0700,uid=1000,gid=1000 \
  --tmpfs /tmp:rw,noexec,nosuid,nodev,size=67108864,nr_inodes=4096,mode=1777 \
  --mount type=bind,source=/srv/hub/artefacts,target=/artefacts,readonly,bind-propagation=rprivate,bind-nonrecursive=true \
  --mount 'type=bind,"source=/srv/a '\''b"" $HOME `id` $(id) ${{ x }},\,
- é #",target=/mnt/work,bind-propagation=rprivate,bind-nonrecursive=true' \
  --mount 'type=bind,"source=/srv/a '\''b"" $HOME `id` $(id) ${{ x }},\,
- é #/.git",target=/mnt/work/.git,bind-propagation=rprivate,bind-nonrecursive=true' \
  --mount 'type=bind,"source=/srv/a '\''b"" $HOME `id` $(id) ${{ x }},\,
- é #/.git/hooks",target=/mnt/work/.git/hooks,readonly,bind-propagation=rprivate,bind-nonrecursive=true' \
  --cap-drop ALL \
  --security-opt seccomp=safeclaw-seccomp.json \
  --security-opt no-new-privileges \
  --privileged=false \
  --runtime runc \
  --network none \
  --publish-all=false \
  --ipc none \
  --cgroupns private \
  --memory 536870912 \
  --memory-swap 536870912 \
  --oom-kill-disable=false \
  --pids-limit 100 \
  --cpu-quota 5000 \
  --cpu-period 10000 \
  --ulimit nofile=1024:1024 \
  --ulimit core=0:0 \
  --ulimit fsize=268435456:268435456 \
  --ulimit cpu=1800:1800 \
  --log-driver none \
  sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d --hub-key KEY --container safeclaw-hub1-0 --posture DIGEST-OF-THE-POSTURE
