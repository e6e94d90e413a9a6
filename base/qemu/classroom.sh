#!/usr/bin/env bash
# classroom.sh IMAGE [OPTION of boot.ts]...: start IMAGE in QEMU by PXE as in a school: in a network whose own DHCP server gives
# out the addresses, with `os serve` and dnsmasq on a laptop as the README says. It prints the line of the serial console.
# All of it is in namespaces and needs no root, but dnsmasq, iproute2 and /dev/net/tun.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${CLASSROOM:-}" != inside ]; then
  exec env CLASSROOM=inside unshare --user --map-root-user --net --pid --fork --kill-child --mount-proc bash base/qemu/classroom.sh "$@"
fi
PATH=$PATH:/usr/sbin:/sbin
image=$1
shift
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

# One cable to the school's router, one to the laptop (this namespace), and one to the machine
unshare --net sleep infinity &
school=$!
until [ "$(readlink /proc/$school/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link add switch type bridge
ip link add school0 type veth peer name school1
ip link add laptop0 type veth peer name laptop1
ip tuntap add os0 mode tap
ip link set school0 netns $school
for cable in school1 laptop1 os0; do ip link set "$cable" master switch; done
for each in lo switch school1 laptop0 laptop1 os0; do ip link set "$each" up; done
ip address add 192.168.77.50/24 dev laptop0
nsenter --net --target $school ip address add 192.168.77.1/24 dev school0
nsenter --net --target $school ip link set school0 up

# dnsmasq would become another user, of whom this namespace has none
nsenter --net --target $school dnsmasq --no-daemon --user=root --conf-file=/dev/null --port=0 --interface=school0 --bind-interfaces \
  --dhcp-range=192.168.77.100,192.168.77.200,255.255.255.0 --dhcp-leasefile="$folder/leases" 2> "$folder/school.log" &
npx tsx bin/os.ts serve "$image" --dnsmasq "$folder/tftp" > "$folder/os.conf"
npx tsx bin/os.ts serve "$image" > "$folder/serve.log" &
dnsmasq --no-daemon --user=root --conf-file="$folder/os.conf" 2> "$folder/dnsmasq.log" &

status=0
npx tsx base/qemu/boot.ts "$image" --medium lan "$@" || status=$?
cat "$folder/serve.log" >&2
[ $status = 0 ] || cat "$folder"/*.log >&2
exit $status
