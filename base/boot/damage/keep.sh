# shellcheck shell=dash
# The damaged root: what all that notices it, and says so, has in common. It lies in memory, in /run/fedac/damage, with a
# busybox of its own: nothing that it needs is read from that root.

export PATH=/run/fedac/damage/bin
KEEP=/run/fedac/damage

# A line on the serial console, if there is one.
say() {
  (printf '\n%s\n' "$1" > /run/fedac/serial) 2> /dev/null
}

# show TITLE LINE...: by name, since its own first line names a shell of the root
show() {
  sh /run/fedac/splash/page "$@"
}

# damaged KIND: what to do about it; KIND is `image`, `files` on a stick with a file system of its own, or `network` for an image
# that has come over one
damaged() {
  if [ "$1" = files ]; then
    show "This stick has lost data" \
      "Some of the system on it is not as it was written." \
      "The piece is not part of what was lost." \
      "" \
      "Plug it into another computer, and repair it at" \
      "aesthetic.computer. If this comes back, use another" \
      "stick." \
      "" \
      "Press the power button to switch off."
  elif [ "$1" = network ]; then
    show "This system has lost data" \
      "Some of what has come over the network is not as it" \
      "was written. The piece is not part of what was lost." \
      "" \
      "Start this computer again. If this comes back, mend" \
      "the file on the computer that serves it, with the" \
      "command os repair." \
      "" \
      "Press the power button to switch off."
  else
    show "This stick has lost data" \
      "Some of the system on it is not as it was written." \
      "The piece is not part of what was lost." \
      "" \
      "Write the downloaded file to it again, or mend it on" \
      "another computer with the command os repair. If this" \
      "comes back, use another stick." \
      "" \
      "Press the power button to switch off."
  fi
}

# behind DISK: the disk that a loop device shows (a disc, or one whose sectors are not of 512 bytes), or the same
behind() {
  file=
  [ ! -e "/sys/block/$1/loop" ] || read -r file _ < "/sys/block/$1/loop/backing_file"
  case $file in
    /dev/*) echo "${file##*/}" ;;
    *) echo "$1" ;;
  esac
}

# there DISK: whether it is still there, and what is in it: a drive or a reader stays when a disc or a card is taken out. One that
# takes long to answer is there: it tries to read what it has lost.
there() {
  [ -e "/sys/block/$1" ] || return
  timeout -s KILL 5 dd if="/dev/$1" of=/dev/null bs=512 count=1 2> /dev/null
  case $? in 0 | 137) ;; *) false ;; esac # 137: killed (128 + SIGKILL)
}

# In a shell of its own: as long as it runs, the power button switches off.
power_button() {
  exec acpid -f -c $KEEP/acpi -l /dev/null -p /run/fedac/acpid.pid
}
