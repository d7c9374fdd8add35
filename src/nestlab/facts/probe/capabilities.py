"""What KVM would offer to guests.

Sources: Linux Documentation/virt/kvm/api.rst and include/uapi/linux/kvm.h (KVM_CHECK_EXTENSION,
struct kvm_cpuid2); AMD64 Architecture Programmer's Manual vol. 3 (CPUID Fn8000_0001_ECX bit 2:
SVM); Intel SDM vol. 2A (CPUID.01H:ECX bit 5: VMX).
"""

import fcntl
import struct

from nestlab.facts.probe.guest import KVM_CHECK_EXTENSION

KVM_GET_SUPPORTED_CPUID = 0xC008AE05
_X86_CAPABILITIES = {
    "IRQCHIP": 0, "NR_VCPUS": 9, "MAX_VCPUS": 66, "SPLIT_IRQCHIP": 121, "NESTED_STATE": 157,
    "HYPERV_ENLIGHTENED_VMCS": 163,
}  # fmt: skip
_PPC_CAPABILITIES = {
    "NR_VCPUS": 9, "MAX_VCPUS": 66, "PPC_HTM": 132, "PPC_MMU_RADIX": 134, "PPC_NESTED_HV": 160,
}  # fmt: skip
CAPABILITIES = {
    "x86_64": _X86_CAPABILITIES,
    "aarch64": {
        "NR_VCPUS": 9, "MAX_VCPUS": 66, "ARM_VM_IPA_SIZE": 165, "ARM_EL2": 240,
        "ARM_EL2_E2H0": 241,
    },
    "s390x": {
        "NR_VCPUS": 9, "MAX_VCPUS": 66, "S390_GMAP": 71, "S390_COW": 79, "S390_HPAGE_1M": 156,
        "S390_PROTECTED": 180,
    },
    "ppc64": _PPC_CAPABILITIES,
    "ppc64le": _PPC_CAPABILITIES,
}  # fmt: skip


def describe_cpuid(device: "int") -> "dict[str, object]":
    """What KVM would show a guest: VMX, SVM and the hypervisor's signature."""
    entries = 256
    table = bytearray(struct.pack("II", entries, 0) + bytes(40 * entries))
    fcntl.ioctl(device, KVM_GET_SUPPORTED_CPUID, table)
    leaves = {}
    for number in range(struct.unpack_from("I", table)[0]):
        function, index, _, eax, ebx, ecx, edx = struct.unpack_from("7I", table, 8 + 40 * number)
        if index == 0:
            leaves[function] = (eax, ebx, ecx, edx)
    none = (0, 0, 0, 0)
    signature = struct.pack("3I", *leaves.get(0x40000000, none)[1:]).strip(b"\0")
    return {
        "vmx": bool(leaves.get(1, none)[2] >> 5 & 1),
        "svm": bool(leaves.get(0x80000001, none)[2] >> 2 & 1),
        "signature": signature.decode("ascii", "backslashreplace"),
    }


def capabilities(device: "int", machine: "str") -> "dict[str, int]":
    """KVM_CHECK_EXTENSION of what concerns nesting on this architecture; 0 is no."""
    found = {}
    for name, number in CAPABILITIES.get(machine, {}).items():
        try:
            found[name] = fcntl.ioctl(device, KVM_CHECK_EXTENSION, number)
        except OSError:
            continue
    return found
