#!/bin/sh
# Turns the namespaces that it was started in into a host, and becomes its pid 1.
# usage: boot.sh ROOT NAME   (by lab.py)
#
# ROOT becomes the root of the file system: the host's disk, which outlives it and which no other
# host sees.  Only /usr is the machine's, read-only.  Waits for a line on stdin: by then there is a
# network.
set -eu

root=$1
name=$2

mount --make-rprivate /
hostname "$name"
mount --bind "$root" "$root"
cd "$root"
mkdir -p dev proc run tmp usr old local/bin etc/systemd/system var/lib var/log
for link in bin sbin lib lib32 lib64; do
    [ ! -e "/usr/$link" ] || ln -sfn "usr/$link" "$link"
done
mount --rbind /usr usr
mount -o remount,bind,ro usr
mount --bind local usr/local
for folder in run tmp dev; do
    mount -t tmpfs -o mode=755 "$name" "$folder"
done
mkdir dev/shm
for device in null zero full random urandom; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mount -t proc proc proc
printf '127.0.0.1 localhost %s\n' "$name" >etc/hosts
printf 'root:x:0:0:root:/:/bin/sh\nmuster:x:998:998:muster:/var/lib/muster:/bin/false\n' >etc/passwd
printf 'root:x:0:\nmuster:x:998:\n' >etc/group
echo "$name" >etc/hostname

pivot_root . old
read -r _
umount -l /old
exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin HOME=/ LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 /usr/local/lib/init.py </dev/null
