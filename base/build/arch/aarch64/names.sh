# shellcheck shell=bash disable=SC2034
# What aarch64 is called by others, and what its images have; lib.sh reads it. ../x86_64/names.sh has the same names.

DEBIAN=arm64
EFI=aa64
GRUB=arm64-efi
FAT=(-F 32 -s 1) # the boot ROM of a Raspberry Pi 4 has refused FAT16 on an ESP
# There is no BIOS; and a Raspberry Pi takes what it starts from the front of a disk, not from among a person's files.
WITHOUT="bios.sh files.sh"
