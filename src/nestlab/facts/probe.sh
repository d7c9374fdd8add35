#!/bin/sh
# What the package probe does, as far as a POSIX shell and awk can, for machines without python3:
# prints nestlab.facts/1. Nothing is run in a guest, nothing is changed, no file is written.
# The script comes on stdin, so every program below gets its input from somewhere else.

LC_ALL=C
export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

known=
unknown=

# The first bytes of a regular file, as those of /proc and /sys are; shells have no use for NULs.
take() { [ -f "$1" ] && head -c "${2:-4096}" "$1" 2>/dev/null | tr -d '\000'; }

# A JSON string of what is on stdin; only printable ASCII goes into it.
quote() {
  printf '"%s"' "$(tr -cd '\040-\176' | head -c 1000 | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

string() { printf '%s' "$1" | quote; }
value() { take "$1" | quote; }

# add NAME JSON: a fact, or with empty JSON a fact that is not known.
add() {
  if [ -n "$2" ]; then known="$known\"$1\": $2, "; else miss "$1" "could not be read"; fi
}

miss() { unknown="$unknown${unknown:+, }\"$1\": $(string "$2")"; }

kernel() { string "$(uname -r)"; }
arch() { string "$(uname -m)"; }

# field NAME: the first line of /proc/cpuinfo with that name.
field() {
  take /proc/cpuinfo 65536 | awk -F: -v name="$1" '
    { key = $1; sub(/[ \t]+$/, "", key) }
    key == name && !done { sub(/^[^:]*:[ \t]*/, ""); print; done = 1 }'
}

first() { for said in "$@"; do [ -n "$said" ] && { printf '%s' "$said"; return; }; done; }

cpu() {
  flags=$(first "$(field flags)" "$(field Features)" "$(field features)")
  model=$(first "$(field 'model name')" "$(field cpu)" "$(field 'CPU part')")
  [ -n "$flags$model" ] || return
  usable=$(awk '/^Cpus_allowed_list:/ {
    n = split($2, part, ",")
    for (i = 1; i <= n; i++) {
      m = split(part[i], range, "-")
      for (cpu = range[1]; cpu <= range[m] && cpu < 8192; cpu++) {
        printf "%s%d", (count++ ? ", " : ""), cpu
      }
    }
  }' /proc/self/status 2>/dev/null)
  [ -n "$usable" ] || return
  found=
  for flag in vmx svm hypervisor ept npt vnmi tpr_shadow flexpriority vpid ept_ad nrip_save vgif \
    avic x2avic v_vmsave_vmload vmcb_clean flushbyasid decodeassists pausefilter constant_tsc \
    nonstop_tsc tsc_known_freq tsc_reliable x2apic rdrand rdseed sie; do
    case " $flags " in *" $flag "*) found="$found${found:+, }\"$flag\"" ;; esac
  done
  printf '{"vendor": %s, "model": %s, "flags": [%s], "online": %d, "usable": [%s]}' \
    "$(string "$(first "$(field vendor_id)" "$(field 'CPU implementer')" "$(field platform)")")" \
    "$(string "$model")" "$found" "$(printf '%s\n' "$usable" | awk '{ print NF }')" "$usable"
}

# release NAME: that line of os-release without its quotes.
release() {
  take "$file" 65536 | sed -n "s/^$1=//p" | head -n 1 | sed "
    s/[[:space:]]*\$//
    s/^\"\\(.*\\)\"\$/\\1/
    s/^'\\(.*\\)'\$/\\1/
    s/\\\\\\([\"'\$\`\\\\]\\)/\\1/g" | quote
}

os_release() {
  file=/etc/os-release
  [ -f "$file" ] || file=/usr/lib/os-release
  id=$(release ID)
  [ "$id" != '""' ] || return
  printf '{"id": %s, "id_like": %s, "version_id": %s}' \
    "$id" "$(release ID_LIKE)" "$(release VERSION_ID)"
}

memory() {
  take /proc/meminfo 65536 | awk '
    /^MemTotal: +[0-9]+ kB$/ { total = $2 }
    /^MemAvailable: +[0-9]+ kB$/ { available = $2; seen = 1 }
    END {
      if (total > 0 && seen) {
        printf "{\"total\": %.0f, \"available\": %.0f}", total * 1024, available * 1024
      }
    }'
}

nested() {
  found=
  for module in kvm_intel kvm_amd kvm_hv kvm; do
    file=/sys/module/$module/parameters/nested
    [ -r "$file" ] && found="$found${found:+, }\"$module\": $(value "$file")"
  done
  printf '{%s}' "$found"
}

dmi() {
  base=/sys/class/dmi/id
  [ -r "$base/sys_vendor" ] || [ -r "$base/product_name" ] || return
  azure=false
  [ "$(take "$base/chassis_asset_tag")" = 7783-7084-3265-9085-8269-3286-77 ] && azure=true
  printf '{"sys_vendor": %s, "product_name": %s, "bios_vendor": %s, "board_vendor": %s, ' \
    "$(value "$base/sys_vendor")" "$(value "$base/product_name")" \
    "$(value "$base/bios_vendor")" "$(value "$base/board_vendor")"
  printf '"azure": %s}' "$azure"
}

# Those that are loaded; of the others nothing is known.
modules() {
  [ -r /proc/modules ] || return
  found=
  for module in kvm kvm_intel kvm_amd kvm_hv kvm_pr kvm_pvm vboxdrv vmmon vfio vfio_pci \
    vfio_iommu_type1 vhost_net vhost_vsock tun nbd msr irqbypass; do
    state=$(awk -v name="$module" '$1 == name {
      users = ($3 ~ /^[0-9]+$/) ? $3 : "null"
      printf "{\"state\": \"loaded\", \"users\": %s, \"used_by\": [", users
      n = split($4, by, ",")
      for (i = 1; i <= n; i++) {
        if (by[i] ~ /^[A-Za-z0-9_]+$/) printf "%s\"%s\"", (count++ ? ", " : ""), by[i]
      }
      printf "]}"
      exit
    }' /proc/modules)
    found="$found${found:+, }\"$module\": ${state:-{\"state\": null\}}"
  done
  printf '{%s}' "$found"
}

cmdline() {
  [ -r /proc/cmdline ] || return
  found=
  set -f # the words are no patterns of file names
  for word in $(take /proc/cmdline 65536); do
    [ "$word" = -- ] && break
    case $(printf '%s' "${word%%=*}" | tr - _) in
      kvm.* | kvm_intel.* | kvm_amd.* | kvm_arm.* | kvm_hv.* | iommu | iommu.* | intel_iommu | \
        amd_iommu | nohz | nohz_full | isolcpus | mitigations | hugepages | hugepagesz | \
        default_hugepagesz | transparent_hugepage | clocksource | tsc | module_blacklist | \
        modprobe.blacklist | lockdown | nosmt | nopti | vfio* | pci | pcie_acs_override | efi | \
        initcall_blacklist | nokaslr)
        found="$found${found:+, }$(string "$word")"
        ;;
    esac
  done
  set +f
  printf '[%s]' "$found"
}

kvm() {
  open=null
  problem='no python3: nothing was run'
  if [ -c /dev/kvm ]; then
    device=char
  elif [ -e /dev/kvm ]; then
    device=other
  else
    device=absent
    problem='/dev/kvm is not there'
  fi
  if [ "$device" != absent ]; then
    open=false
    # this tells who may, not whether it works
    if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then open=true; fi
  fi
  printf '{"device": "%s", "open": %s, "api": null, "guest_ran": null, "vmx": null, ' \
    "$device" "$open"
  printf '"svm": null, "signature": null, "seconds": null, "problem": %s}' "$(string "$problem")"
}

for fact in kernel arch cpu os_release memory nested dmi modules cmdline kvm; do
  add "$fact" "$("$fact")"
done
for fact in clocksource routes queues load kernel_build vulnerabilities feature_control kernel_log \
  parameters modprobe initramfs outer user paging iommu interfaces entropy lsm tools holders; do
  miss "$fact" 'needs python3'
done
printf '{%s"schema": "nestlab.facts/1", "unknown": {%s}}\n' "$known" "$unknown"
