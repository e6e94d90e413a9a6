# shellcheck shell=bash disable=SC2034
# What x86_64 is called by others, and what its images have; lib.sh reads it. ../aarch64/names.sh has the same names.

DEBIAN=amd64 # by Debian
EFI=x64 # by UEFI firmware, and by who builds shim and GRUB (UEFI 2.10, 3.5.1.1)
GRUB=x86_64-efi # by GRUB
# The ESP, for mkfs.vfat: too small for FAT32, and firmware reads FAT12, 16 and 32 (UEFI 2.10, 13.3)
FAT=(-F 16)
WITHOUT="" # steps that there are none of
