"""The test guest: three instructions in a new VM.

Sources: Linux Documentation/virt/kvm/api.rst and include/uapi/linux/kvm.h (the ioctls, struct
kvm_userspace_memory_region, kvm_sregs, kvm_regs, kvm_run, kvm_one_reg).
"""

import errno
import fcntl
import mmap
import os
import signal
import struct

KVM_CREATE_VM = 0xAE01
KVM_CHECK_EXTENSION = 0xAE03
KVM_GET_VCPU_MMAP_SIZE = 0xAE04
KVM_CREATE_VCPU = 0xAE41
KVM_SET_USER_MEMORY_REGION = 0x4020AE46
KVM_RUN = 0xAE80
KVM_SET_REGS = 0x4090AE82
KVM_GET_SREGS = 0x8138AE83
KVM_SET_SREGS = 0x4138AE84
KVM_SET_ONE_REG = 0x4010AEAC
KVM_ARM_VCPU_INIT = 0x4020AEAE
KVM_ARM_PREFERRED_TARGET = 0x8020AEAF
KVM_EXIT_IO, KVM_EXIT_HLT, KVM_EXIT_MMIO = 2, 5, 6
ARM64_PC = 0x6030000000100040  # KVM_REG_ARM64 | SIZE_U64 | ARM_CORE | offsetof(regs.pc) / 4
CODE_AT = 0x1000
CODE = {
    # mov al, 0x2a; out 0x10, al; hlt  -- one port write, so that the guest has a visible effect
    "x86_64": b"\xb0\x2a\xe6\x10\xf4",
    # movz x1, #0x100, lsl #16; movz w0, #0x2a; str w0, [x1]  -- a store to where no memory is
    "aarch64": struct.pack("<3I", 0xD2A02001, 0x52800540, 0xB9000020),
}
ARM64_STORES_TO = 0x1000000
MEMORY = 0x10000  # a multiple of every page size that arm64 has
GUEST_PATIENCE = 5.0  # seconds; three instructions take milliseconds even under emulation


def run_guest(device: "int", machine: "str") -> "bool":
    """Run three instructions in a new VM; true when they had their effect."""
    import ctypes  # noqa: PLC0415

    size = fcntl.ioctl(device, KVM_GET_VCPU_MMAP_SIZE)
    kind = 0
    if machine == "aarch64":  # the size of its addresses, which is 40 bits by default
        kind = min(fcntl.ioctl(device, KVM_CHECK_EXTENSION, 165), 40)
    vm = fcntl.ioctl(device, KVM_CREATE_VM, kind)
    memory = mmap.mmap(-1, MEMORY)
    vcpu = run = None
    try:
        code = CODE[machine]
        memory[CODE_AT : CODE_AT + len(code)] = code
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        region = struct.pack("IIQQQ", 0, 0, 0, MEMORY, address)
        fcntl.ioctl(vm, KVM_SET_USER_MEMORY_REGION, region)
        vcpu = fcntl.ioctl(vm, KVM_CREATE_VCPU, 0)
        run = mmap.mmap(vcpu, size)
        if machine == "aarch64":
            return stores(vm, vcpu, run)
        start_at(vcpu, CODE_AT)
        fcntl.ioctl(vcpu, KVM_RUN, 0)
        wrote = struct.unpack_from("I", run, 8)[0] == KVM_EXIT_IO
        fcntl.ioctl(vcpu, KVM_RUN, 0)
        halted = struct.unpack_from("I", run, 8)[0] == KVM_EXIT_HLT
        return bool(wrote and halted)
    finally:
        for descriptor in (vcpu, vm):
            if descriptor is not None:
                os.close(descriptor)
        if run is not None:
            run.close()


def start_at(vcpu: "int", address: "int") -> "None":
    """Point a fresh vCPU's real-mode CS:RIP at `address`."""
    sregs = bytearray(0x138)
    fcntl.ioctl(vcpu, KVM_GET_SREGS, sregs)
    # struct kvm_segment cs: u64 base, u32 limit, u16 selector
    struct.pack_into("Q", sregs, 0, 0)
    struct.pack_into("H", sregs, 12, 0)
    fcntl.ioctl(vcpu, KVM_SET_SREGS, bytes(sregs))
    registers = struct.pack("18Q", *([0] * 16 + [address, 2]))  # rip; rflags bit 1 is always set
    fcntl.ioctl(vcpu, KVM_SET_REGS, registers)


def stores(vm: "int", vcpu: "int", run: "mmap.mmap") -> "bool":
    """Run a fresh arm64 vCPU from CODE_AT; true when its store comes out as an MMIO exit."""
    import ctypes  # noqa: PLC0415

    target = bytearray(32)
    fcntl.ioctl(vm, KVM_ARM_PREFERRED_TARGET, target)
    fcntl.ioctl(vcpu, KVM_ARM_VCPU_INIT, bytes(target))
    start = ctypes.c_uint64(CODE_AT)
    fcntl.ioctl(vcpu, KVM_SET_ONE_REG, struct.pack("QQ", ARM64_PC, ctypes.addressof(start)))
    fcntl.ioctl(vcpu, KVM_RUN, 0)
    # struct kvm_run: u32 exit_reason at 8; at 32 u64 phys_addr, u8 data[8], u32 len, u8 is_write
    address, value, length, writes = struct.unpack_from("<QQIB", run, 32)
    return bool(
        struct.unpack_from("I", run, 8)[0] == KVM_EXIT_MMIO
        and (address, length, writes) == (ARM64_STORES_TO, 4, 1)
        and value & 0xFFFFFFFF == 0x2A
    )


class Alarm:
    """Ends a guest that never exits: KVM_RUN then fails with TimeoutError, an OSError."""

    def __init__(self, seconds: "float") -> "None":
        self.seconds = seconds

    def __enter__(self) -> "None":
        self.before = signal.signal(signal.SIGALRM, self.ring)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def __exit__(self, *_: "object") -> "None":
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)

    def ring(self, *_: "object") -> "None":
        """The time is over."""
        raise TimeoutError(errno.ETIMEDOUT, "the test guest did not end")
